"""Kafka Connect's REST API, asked of a real worker and of Landfall.

sides.py        the two servers and what differs by design: names, configs
steps.py        the requests, in order; one file a topic: steps_*.py
answers.py      what clients look at in an answer, in a form that can be compared
differences.py  where the two differ on purpose, each with the reason
document.py     the tables of docs/connect-rest.md
clients.py, kcctl.py, kafka_ui.py, terraform.py, kafka_connect_py.py   what the clients ask
"""

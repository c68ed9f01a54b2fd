"""A whole fleet on one machine: the synthesized template in an emulator of AWS, real Kafka, the real binary.

PYTHONPATH=tests .cache/venv/bin/python -m fleet                 the short form, without containers
PYTHONPATH=tests .cache/venv/bin/python -m fleet --containers    tasks are containers of the image
"""

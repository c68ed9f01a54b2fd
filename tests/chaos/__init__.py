"""Chaos on real binaries: workers, brokers, API and S3 server are killed, frozen, drained and lied to while a producer
writes; then everything that Kafka has is compared with everything that lies in S3.

    PYTHONPATH=tests .cache/venv/bin/python -m chaos --minutes 3 --seed 7      # short
    just chaos --minutes 60                                                    # long

A run fails when a record is missing or twice, when a commit was ahead of what was visible, when an object changed, when
memory, handles or uploads grow, and when a kind of fault never happened: a planned fault that never fired proves nothing.
"""

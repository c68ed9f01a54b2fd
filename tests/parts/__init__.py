"""Real parts for the tests: Apache Kafka brokers, S3 servers nobody here wrote, and a faulty network.

Everything listens on 127.0.0.1, on a free port below 32768 (the ports above are ephemeral: a client's socket
may sit on them), is waited for, and is ended by its own process id. A part dies with the process that started
it. Only the standard library is needed, so that a shell can start them before any package is installed:

    PYTHONPATH=tests python3 -m parts install --kafka --s3
    PYTHONPATH=tests python3 -m parts up --kafka --s3
    PYTHONPATH=tests python3 -m parts run --kafka --s3 -- cargo test -p landfall-kafka
"""

from .connect import Connect
from .kafka import Kafka
from .s3 import Minio, VersityGw

__all__ = ["Connect", "Kafka", "Minio", "VersityGw"]

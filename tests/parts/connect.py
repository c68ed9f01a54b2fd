"""Apache Kafka Connect, one worker, with its own file connectors.

    with Connect(kafka) as connect:                       # distributed: the REST API as clients know it
        requests.get(f"{connect.url}/connectors")
    with Connect(bootstrap, standalone={...}) as connect:  # one connector, given at the start
"""

import itertools

from . import install
from .process import Part, Server, answers_http, free_port

_START_TIMEOUT_S = 180
_LOG4J = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="ERROR">
  <Appenders><Console name="out" target="SYSTEM_OUT"><PatternLayout pattern="%d{ISO8601} %p %c{1}: %m%n"/></Console></Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers>
</Configuration>
"""
_groups = itertools.count(1)


class Connect(Part):
    """A worker; a context manager. `heap` is the JVM's; `properties` are the worker's own."""

    name = "connect"

    def __init__(self, kafka, *, standalone=None, heap="1g", properties=None):
        self.bootstrap = getattr(kafka, "internal_bootstrap", kafka)
        self.standalone = standalone
        self.heap = heap
        self.properties = properties or {}
        self.port = free_port()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _launch(self):
        class_path = install.connect()
        self._write("log4j2.xml", _LOG4J)
        name = f"connect-{next(_groups)}"
        config = {
            "bootstrap.servers": self.bootstrap,
            "listeners": self.url,
            "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
            "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
            "plugin.discovery": "only_scan",
        }
        if self.standalone is None:
            mode = "ConnectDistributed"
            config |= {"group.id": name}
            for what in ("config", "offset", "status"):
                config |= {f"{what}.storage.topic": f"{name}-{what}", f"{what}.storage.replication.factor": 1}
        else:
            mode = "ConnectStandalone"
            config |= {"offset.storage.file.filename": self.folder / "offsets"}
        files = [self._write("worker.properties", _properties(config | self.properties))]
        if self.standalone is not None:
            files.append(self._write("connector.properties", _properties(self.standalone)))
        server = Server(
            name,
            ["java", f"-Xmx{self.heap}", "-XX:+UseG1GC", f"-Dlog4j2.configurationFile={self.folder / 'log4j2.xml'}",
             "-cp", class_path, f"org.apache.kafka.connect.cli.{mode}", *files],
        )  # fmt: skip
        self.servers = [server.start()]
        server.wait_until(lambda: answers_http(f"{self.url}/"), _START_TIMEOUT_S, "answering")


def _properties(values):
    return "".join(f"{name}={value}\n" for name, value in values.items())

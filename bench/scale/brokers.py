"""Brokers that write down each request: who asked what, and how many bytes of records each answer of a fetch had."""

import re

from parts import Kafka

_LOG4J = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="ERROR">
  <Appenders>
    <Console name="out" target="SYSTEM_OUT"><PatternLayout pattern="%d{ISO8601} %p %c{1}: %m%n"/></Console>
    <File name="requests" fileName="${env:REQUEST_LOG:-/dev/null}"><PatternLayout pattern="%m%n"/></File>
  </Appenders>
  <Loggers>
    <Logger name="kafka.server.KafkaRaftServer" level="INFO"/>
    <Logger name="kafka.request.logger" level="DEBUG" additivity="false"><AppenderRef ref="requests"/></Logger>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
"""
_API = re.compile(r'"requestApiKeyName":"(\w+)"')
_CLIENT = re.compile(r'"clientId":"([^"]*)"')
_RECORDS = re.compile(r'"recordsSizeInBytes":(\d+)')


class TellingKafka(Kafka):
    """`rack(index)` names the rack of a broker where `racks` is true."""

    def __init__(self, nodes=1, racks=False):
        super().__init__(nodes=nodes)
        self.racks = racks

    def request_log(self, index=0):
        return self.folder / f"requests-{index + 1}.log"

    def requests(self, client, since=None):
        """Of clients whose id holds `client`: by broker, {api: requests} and bytes of records. `since`: `marks()` before."""
        told = []
        for index in range(self.nodes):
            counts, record_bytes = {}, 0
            with open(self.request_log(index), encoding="utf-8", errors="replace") as log:
                log.seek(since[index] if since else 0)
                for line in log:
                    if not (api := _API.search(line)) or client not in _CLIENT.search(line)[1]:
                        continue
                    counts[api[1]] = counts.get(api[1], 0) + 1
                    if api[1] == "FETCH":
                        record_bytes += sum(int(size) for size in _RECORDS.findall(line))
            told.append((counts, record_bytes))
        return told

    def marks(self):
        return [self.request_log(index).stat().st_size for index in range(self.nodes)]

    def _server(self, index):
        server = super()._server(index)
        server.env["REQUEST_LOG"] = str(self.request_log(index))
        return server

    def _java(self, *words):
        path = self._write("requests-log4j2.xml", _LOG4J)
        command = super()._java(*words)
        # Of two settings of one property Java takes the last.
        return [*command[:command.index("-cp")], f"-Dlog4j2.configurationFile={path}", *command[command.index("-cp"):]]

    @staticmethod
    def rack(index):
        return f"zone-{index + 1}"

    def _config(self, index):
        if not self.racks:
            return super()._config(index)
        selector = "org.apache.kafka.common.replica.RackAwareReplicaSelector"
        return super()._config(index) | {"broker.rack": self.rack(index), "replica.selector.class": selector}

"""Apache Kafka in KRaft mode: one broker, three, or one behind SASL_SSL with its own certificate authority.

    with Kafka() as kafka:            # one combined broker and controller
        kafka.bootstrap               # "127.0.0.1:PORT"
    with Kafka(nodes=3) as kafka:     # replication 3, min ISR 2
        kafka.brokers[0].kill()
    with Kafka(secure=True) as kafka:
        kafka.client_properties       # librdkafka properties: SASL_SSL, SCRAM-SHA-512, the CA's file

Topics are never created on first use: a test says what it wants.
"""

import base64
import concurrent.futures
import subprocess
import uuid

from . import install
from .certs import Authority
from .process import Part, PartFailed, Server, accepts_connections, free_ports

USER, PASSWORD = "landfall", "scram-secret-of-the-test"
_JVM = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
_START_TIMEOUT_S = 180
_LOG4J = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="ERROR">
  <Appenders><Console name="out" target="SYSTEM_OUT"><PatternLayout pattern="%d{ISO8601} %p %c{1}: %m%n"/></Console></Appenders>
  <Loggers>
    <Logger name="kafka.server.KafkaRaftServer" level="INFO"/>
    <Logger name="org.apache.kafka.coordinator.group" level="INFO"/>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
"""


class Kafka(Part):
    """A cluster of one or three combined nodes; a context manager."""

    name = "kafka"

    def __init__(self, nodes=1, secure=False, properties=None):
        self.nodes = nodes
        self.secure = secure
        self.properties = properties or {}
        self.ports = []
        self.authority = None

    def _launch(self):
        self.class_path = install.kafka()
        self._write("log4j2.xml", _LOG4J)
        self.ports = [free_ports(3) for _ in range(self.nodes)]
        if self.secure:
            self.authority = Authority(self.folder / "tls")
        self._format()
        self.servers = [self._server(index) for index in range(self.nodes)]
        for broker in self.brokers:
            broker.start()
        for index in range(self.nodes):
            self.wait_ready(index)

    @property
    def brokers(self):
        return self.servers

    def restart(self, index=0):
        """Starts a killed broker again, on its old ports and data."""
        self.brokers[index].kill()
        self.brokers[index] = self._server(index).start()
        self.wait_ready(index)

    def wait_ready(self, index=0):
        broker = self.brokers[index]
        broker.wait_until(lambda: "Kafka Server started" in broker.log(), _START_TIMEOUT_S, "started")
        broker.wait_until(lambda: accepts_connections(self.ports[index][0]), 30, "listening")

    @property
    def bootstrap(self):
        """What clients are given: the SASL_SSL listener where the cluster is secure."""
        return ",".join(f"127.0.0.1:{ports[0]}" for ports in self.ports)

    @property
    def internal_bootstrap(self):
        """A plain listener for the test's own tools where the cluster is secure."""
        return ",".join(f"127.0.0.1:{ports[2 if self.secure else 0]}" for ports in self.ports)

    @property
    def client_properties(self):
        if not self.secure:
            return {}
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": USER,
            "sasl.password": PASSWORD,
            "ssl.ca.location": str(self.authority.ca_pem),
        }

    def env(self):
        """What the project's own tests read: a plain listener, and the SASL_SSL one where there is one."""
        env = {"LANDFALL_TEST_KAFKA_BOOTSTRAP": self.internal_bootstrap}
        if self.secure:
            env |= {
                "LANDFALL_TEST_KAFKA_SASL_BOOTSTRAP": self.bootstrap,
                "LANDFALL_TEST_KAFKA_SASL_USER": USER,
                "LANDFALL_TEST_KAFKA_SASL_PASSWORD": PASSWORD,
                "LANDFALL_TEST_KAFKA_SASL_CA": str(self.authority.ca_pem),
            }
        return env

    def _java(self, *words):
        return ["java", *_JVM, f"-Dlog4j2.configurationFile={self.folder / 'log4j2.xml'}", "-cp", self.class_path, *words]

    def _server(self, index):
        return Server(f"kafka-{index + 1}", self._java("kafka.Kafka", str(self._config_path(index))))

    def _config_path(self, index):
        return self.folder / f"server-{index + 1}.properties"

    def _format(self):
        # A cluster id is 16 random bytes in URL-safe base64; a leading dash would look like an option.
        cluster_id = "L" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda index: self._format_one(index, cluster_id), range(self.nodes)))

    def _format_one(self, index, cluster_id):
        self._write(self._config_path(index).name, "".join(f"{key}={value}\n" for key, value in self._config(index).items()))
        words = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self._config_path(index))]
        if self.nodes == 1:
            words.append("--standalone")
        if self.secure:
            words += ["--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"]
        done = subprocess.run(self._java(*words), capture_output=True, text=True, check=False, timeout=_START_TIMEOUT_S)
        if done.returncode != 0:
            raise PartFailed(f"formatting the storage of node {index + 1} failed: {done.stdout}{done.stderr}")

    def _config(self, index):
        client, controller, internal = self.ports[index]
        replication = min(self.nodes, 3)
        listeners = {"CLIENT": client, "CONTROLLER": controller} | ({"INTERNAL": internal} if self.secure else {})
        config = {
            "process.roles": "broker,controller",
            "node.id": index + 1,
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in listeners.items()),
            "advertised.listeners": ",".join(
                f"{name}://127.0.0.1:{port}" for name, port in listeners.items() if name != "CONTROLLER"
            ),
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,CLIENT:"
            + ("SASL_SSL" if self.secure else "PLAINTEXT"),
            "inter.broker.listener.name": "INTERNAL" if self.secure else "CLIENT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self.folder / f"data-{index + 1}",
            "auto.create.topics.enable": "false",
            "num.partitions": 1,
            "default.replication.factor": replication,
            "min.insync.replicas": max(1, replication - 1),
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": replication,
            "transaction.state.log.num.partitions": 4,
            "transaction.state.log.replication.factor": replication,
            "transaction.state.log.min.isr": max(1, replication - 1),
            "share.coordinator.state.topic.num.partitions": 1,
            "share.coordinator.state.topic.replication.factor": replication,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            # Records with old timestamps stay; a test that wants retention sets it on its topic.
            "log.retention.ms": -1,
            # Deletion and compaction within seconds, so that tests of gaps need not wait.
            "log.retention.check.interval.ms": 1000,
            "log.segment.delete.delay.ms": 1000,
            "file.delete.delay.ms": 1000,
            "log.cleaner.backoff.ms": 200,
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        }
        if self.nodes == 1:
            config["controller.quorum.bootstrap.servers"] = f"127.0.0.1:{controller}"
        else:
            voters = [f"{number + 1}@127.0.0.1:{ports[1]}" for number, ports in enumerate(self.ports)]
            config["controller.quorum.voters"] = ",".join(voters)
        if self.secure:
            config |= self._secure_config()
        return config | self.properties

    def _secure_config(self):
        module = "org.apache.kafka.common.security"
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.authority.keystore_pem,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.authority.ca_pem,
            "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN,OAUTHBEARER",
            "listener.name.client.scram-sha-512.sasl.jaas.config": f"{module}.scram.ScramLoginModule required;",
            # Tokens that nobody signed, from a principal that they name; a connection outlives none of them.
            "listener.name.client.oauthbearer.sasl.jaas.config": f"{module}.oauthbearer.OAuthBearerLoginModule required;",
            "listener.name.client.oauthbearer.connections.max.reauth.ms": "5000",
            "listener.name.client.plain.sasl.jaas.config": f'{module}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
        }

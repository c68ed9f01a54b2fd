"""Where things lie in the checkout. Nothing outside it is written.

.cache/            what is fetched once: jars, server binaries, the Python environment
target/test-logs/  one log file a server, kept after the run
target/test-parts/ data folders of running servers, removed when they stop
"""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("LANDFALL_TEST_CACHE", ROOT / ".cache"))
# Of several test processes side by side, each has its own: "gw0", "gw1", ...
RUNNER = os.environ.get("PYTEST_XDIST_WORKER", "")
LOGS = pathlib.Path(os.environ.get("LANDFALL_TEST_LOGS", ROOT / "target" / "test-logs")) / RUNNER
DATA = ROOT / "target" / "test-parts"
KAFKA_POM = ROOT / "tests" / "parts" / "kafka" / "pom.xml"
KAFKA_LIB = CACHE / "kafka" / "lib"
CONNECT_POM = ROOT / "tests" / "parts" / "connect" / "pom.xml"
CONNECT_LIB = CACHE / "connect" / "lib"
BIN = CACHE / "bin"

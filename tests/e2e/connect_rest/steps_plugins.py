"""The worker itself, its plugins, validation, its loggers."""

from .sides import REMOVED, Config
from .step import Step

FORM = {"Content-Type": "text/plain"}
# Without `file`, so that a key of Connect's has no value as well.
_VALIDATE = "/connector-plugins/{plugin}/config/validate"

WORKER = [
    Step("who it is", "GET", "/"),
    Step("who it is, for a browser", "GET", "/", headers={"Accept": "text/html"}),
    Step("who it is, for whoever takes anything", "GET", "/", headers={"Accept": "*/*"}),
    Step("whether it is healthy", "GET", "/health"),
    Step("a path that does not exist", "GET", "/nowhere"),
    Step("a path of a connector's that does not exist", "GET", "/connectors/{any}/nowhere"),
    Step("a method that the path does not have", "DELETE", "/connectors"),
]


def _all_kinds(side, answer):
    kinds = {plugin["type"] for plugin in answer.json()}
    assert {"sink", "converter"} <= kinds, f"{side.label}: {kinds}"


PLUGINS = [
    Step("the connectors", "GET", "/connector-plugins"),
    Step("the connectors, with a slash", "GET", "/connector-plugins/"),
    Step("every plugin", "GET", "/connector-plugins?connectorsOnly=false", after=_all_kinds),
    Step("a flag that is no boolean counts as false", "GET", "/connector-plugins?connectorsOnly=maybe", after=_all_kinds),
    Step("the keys of a plugin", "GET", "/connector-plugins/{plugin}/config"),
    Step("the keys, by the short name", "GET", "/connector-plugins/{short}/config"),
    Step("the keys of a plugin that does not exist", "GET", "/connector-plugins/com.own.Sink/config"),
]

VALIDATION = [
    Step("a valid config", "PUT", _VALIDATE, Config(name="{any}", file=REMOVED)),
    Step("a valid config, by the short name", "PUT", _VALIDATE.replace("plugin}", "short}"), Config(name="{any}", file=REMOVED)),
    Step("a valid config, with a slash", "PUT", _VALIDATE + "/", Config(name="{any}", file=REMOVED)),
    Step("numbers and booleans as values", "PUT", _VALIDATE, Config({"name": "{any}", "file": REMOVED, "tasks.max": 1, "tasks.max.enforce": True})),
    Step("a config without topics", "PUT", _VALIDATE, Config(name="{any}", file=REMOVED, topics=REMOVED)),
    Step("a key with a value of another type", "PUT", _VALIDATE, Config({"name": "{any}", "file": REMOVED, "tasks.max": "many"})),
    Step("a key that is not known", "PUT", _VALIDATE, Config({"name": "{any}", "file": REMOVED, "no.such.key": "1"})),
    Step("a value that is null", "PUT", _VALIDATE, Config({"name": "{any}", "file": REMOVED, "tasks.max": None})),
    Step("a config of another connector", "PUT", _VALIDATE, Config({"connector.class": "com.own.Sink"})),
    Step("a plugin that does not exist", "PUT", "/connector-plugins/com.own.Sink/config/validate", Config({"connector.class": "com.own.Sink"})),
    Step("a config without connector.class", "PUT", _VALIDATE, Config({"connector.class": REMOVED})),
    Step("malformed JSON", "PUT", _VALIDATE, raw="{"),
    Step("a list", "PUT", _VALIDATE, raw="[]"),
    Step("no body", "PUT", _VALIDATE),
    Step("text", "PUT", _VALIDATE, raw="{}", headers=FORM),
]  # fmt: skip

LOGGERS = [
    Step("all loggers", "GET", "/admin/loggers"),
    Step("all loggers, with a slash", "GET", "/admin/loggers/"),
    Step("the root logger", "GET", "/admin/loggers/root"),
    Step("a logger that does not exist", "GET", "/admin/loggers/no.such.logger"),
    Step("a level for a logger", "PUT", "/admin/loggers/root", {"level": "WARN"}),
    Step("a level for this worker's logger", "PUT", "/admin/loggers/root?scope=worker", {"level": "WARN"}),
    Step("a level for the loggers of all workers", "PUT", "/admin/loggers/root?scope=cluster", {"level": "WARN"}),
    Step("a scope that does not exist", "PUT", "/admin/loggers/root?scope=galaxy", {"level": "WARN"}),
    Step("a level that does not exist", "PUT", "/admin/loggers/root", {"level": "LOUD"}),
    Step("no level", "PUT", "/admin/loggers/root", {}),
    Step("malformed JSON for a level", "PUT", "/admin/loggers/root", raw="{"),
]

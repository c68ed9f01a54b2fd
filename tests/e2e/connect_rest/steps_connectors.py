"""Creating, reading, changing and deleting connectors."""

from .sides import REMOVED, Config
from .step import Step, exactly, never_resumed, state
from .steps_plugins import FORM


def _create(what, name="{any}", config=None, **more):
    return Step(what, "POST", "/connectors", {"name": name, "config": Config() if config is None else config, **more})


def _written(side):
    return {"name": side.name("sink"), **side.config("sink")}


def _info(side):
    name = side.name("sink")
    return {"name": name, "config": _written(side), "tasks": [{"connector": name, "task": 0}], "type": "sink"}


def _settled(side):
    never_resumed("paused")(side)
    side.until_state(side.name("stopped"), "STOPPED", 0)
    for stem in ("sink", "typed", "spaces"):
        side.until_state(side.name(stem), "RUNNING", 1)


LISTS = [
    Step("no connectors", "GET", "/connectors"),
    Step("no connectors, with their status", "GET", "/connectors?expand=status"),
]

CREATION = [
    Step("a connector", "POST", "/connectors/", {"name": "{sink}", "config": Config(stem="sink")}),
    Step("a name that is taken", "POST", "/connectors", {"name": "{sink}", "config": Config(stem="sink")},
         before=state("sink", "RUNNING", 1), conflicts=True),
    _create("one that begins paused", "{paused}", Config(stem="paused"), initial_state="PAUSED"),
    _create("one that begins stopped, in small letters", "{stopped}", Config(stem="stopped"), initial_state="stopped"),
    _create("an initial state that does not exist", initial_state="ASLEEP"),
    _create("numbers and booleans as values", "{typed}", Config({"stem": "typed", "tasks.max": 1, "tasks.max.enforce": True})),
    _create("spaces around the name", "  {spaces} ", Config(stem="spaces")),
    _create("an empty name", " "),
    _create("another name in the config", "{any}", Config(name="other")),
    _create("a value that is null", config=Config({"tasks.max": None})),
    _create("a value that is a mapping", config=Config({"tasks.max": {"a": 1}})),
    _create("no topics", config=Config(topics=REMOVED)),
    _create("topics and topics.regex", config=Config({"topics.regex": "bids.*"})),
    _create("a number that is none", config=Config({"tasks.max": "many"})),
    _create("no connector.class", config=Config({"connector.class": REMOVED})),
    _create("a connector that does not exist", config=Config({"connector.class": "com.own.Sink"})),
    _create("an unknown field beside the config", **{"note": "1"}),
    Step("no config", "POST", "/connectors", {"name": "{any}"}),
    Step("no name", "POST", "/connectors", {"config": Config()}),
    Step("malformed JSON", "POST", "/connectors", raw='{"name": '),
    Step("a list", "POST", "/connectors", raw="[]"),
    Step("no body", "POST", "/connectors"),
    Step("text", "POST", "/connectors", raw="{}", headers=FORM),
    Step("HTML is asked for", "POST", "/connectors", {}, headers={"Accept": "text/html"}),
]  # fmt: skip

READING = [
    Step("names", "GET", "/connectors", after=lambda side, answer: _has(answer.json(), side.name("sink"))),
    Step("names, with a slash", "GET", "/connectors/"),
    Step("all infos", "GET", "/connectors?expand=info", before=_settled),
    Step("all states and infos", "GET", "/connectors?expand=status&expand=info"),
    Step("an expansion that does not exist", "GET", "/connectors?expand=everything"),
    Step("a connector", "GET", "/connectors/{sink}", after=exactly(_info)),
    Step("a connector, with a slash", "GET", "/connectors/{sink}/"),
    Step("numbers come back as text", "GET", "/connectors/{typed}/config"),
    Step("the name without spaces", "GET", "/connectors/{spaces}"),
    Step("the config exactly as it was written", "GET", "/connectors/{sink}/config", after=exactly(_written)),
    Step("the state", "GET", "/connectors/{sink}/status"),
    Step("the state of one that began paused", "GET", "/connectors/{paused}/status"),
    Step("the state of one that began stopped", "GET", "/connectors/{stopped}/status"),
    Step("tasks", "GET", "/connectors/{sink}/tasks"),
    Step("tasks of a stopped one", "GET", "/connectors/{stopped}/tasks"),
    Step("a task's state", "GET", "/connectors/{sink}/tasks/0/status"),
    Step("the state of a task that does not exist", "GET", "/connectors/{sink}/tasks/99/status"),
    Step("the state of a task that is no number", "GET", "/connectors/{sink}/tasks/x/status"),
    Step("tasks-config, which is gone", "GET", "/connectors/{sink}/tasks-config"),
    *(
        Step(f"{what} of a connector that does not exist", "GET", f"/connectors/{{nobody}}{path}")
        for what, path in [("the info", ""), ("the config", "/config"), ("the state", "/status"), ("tasks", "/tasks"),
                           ("a task's state", "/tasks/0/status"), ("topics", "/topics"), ("offsets", "/offsets")]
    ),
]  # fmt: skip


def _put(what, config, stem="sink", **more):
    return Step(what, "PUT", f"/connectors/{{{stem}}}/config", config, **more)


def _patch(what, changes, stem="sink", **more):
    return Step(what, "PATCH", f"/connectors/{{{stem}}}/config", changes, **more)


CHANGES = [
    _put("the same config", Config(stem="sink")),
    _put("another value", Config({"stem": "sink", "errors.tolerance": "all"})),
    _put("a new connector", Config(stem="put"), "put"),
    _put("another name in the config", Config(stem="sink", name="other")),
    _put("a value that is null", Config({"stem": "sink", "tasks.max": None})),
    _put("an invalid value", Config({"stem": "sink", "tasks.max": "many"})),
    _put("an empty config", {}),
    _put("a value that is a list", Config({"stem": "sink", "tasks.max": [1]})),
    Step("malformed JSON", "PUT", "/connectors/{sink}/config", raw="{"),
    Step("a list", "PUT", "/connectors/{sink}/config", raw="[]"),
    Step("no body", "PUT", "/connectors/{sink}/config"),
    _patch("a key set", {"errors.log.enable": "true"}),
    _patch("a key removed", {"errors.log.enable": None, "errors.tolerance": None},
           after=lambda side, answer: _equal(answer.json()["config"], _written(side))),
    _patch("a key removed that is not there", {"errors.log.enable": None}),
    _patch("nothing", {}),
    _patch("an invalid value", {"tasks.max": "many"}),
    _patch("a required key removed", {"topics": None}),
    _patch("a connector that does not exist", {"tasks.max": "1"}, "nobody"),
    Step("malformed JSON", "PATCH", "/connectors/{sink}/config", raw="{"),
    Step("a list", "PATCH", "/connectors/{sink}/config", raw="[]"),
    Step("the config after all of it", "GET", "/connectors/{sink}/config", after=exactly(_written)),
]  # fmt: skip

DELETION = [
    Step("a running connector", "DELETE", "/connectors/{sink}"),
    Step("a connector that is deleted", "DELETE", "/connectors/{sink}"),
    Step("the state of a deleted one", "GET", "/connectors/{sink}/status"),
    Step("a paused one, with a slash", "DELETE", "/connectors/{paused}/"),
    Step("a stopped one", "DELETE", "/connectors/{stopped}"),
    Step("a name again that was deleted", "POST", "/connectors", {"name": "{stopped}", "config": Config(stem="stopped")}),
    *(Step(f"the one that was made as `{stem}`", "DELETE", f"/connectors/{{{stem}}}",
           before=state(stem, "RUNNING")) for stem in ("stopped", "typed", "spaces")),
]  # fmt: skip

# At the end, as Connect takes them and then has connectors that cannot be addressed.
BAD_NAMES = [
    _patch("another name", {"name": "other"}, "put", before=state("put", "RUNNING", 1)),
    _create("a percent sign in the name", "{odd}%41"),
    _create("a slash in the name", "{odd}/b"),
]


def _has(names, name):
    assert name in names, names


def _equal(one, other):
    assert one == other, (one, other)

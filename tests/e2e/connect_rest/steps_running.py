"""Pause, resume, stop, restart; topics; offsets."""

from .step import Step, never_resumed, state

_S = "/connectors/{sink}"


def _offset(offset, partition=0, topic="{topic}"):
    return {"partition": {"kafka_topic": topic, "kafka_partition": partition}, "offset": offset}


def _alter(what, *offsets, **more):
    return Step(what, "PATCH", f"{_S}/offsets", {"offsets": list(offsets)}, **more)


def _landed(side):
    """Waits until the offsets of every record are there: a sink commits what it landed."""
    side.until(f"/connectors/{side.name('sink')}/offsets", lambda found: offsets(found) == {0: 6, 1: 6}, "all offsets")


def offsets(found):
    """{partition: offset} of a connector's offsets."""
    return {int(at["partition"]["kafka_partition"]): int(at["offset"]["kafka_offset"]) for at in found["offsets"]}


def _are(wanted):
    def check(side, answer):
        assert offsets(answer.json()) == wanted, f"{side.label}: {answer.text}"

    return check


STATES = [
    Step("pause", "PUT", f"{_S}/pause", before=state("sink", "RUNNING", 1)),
    Step("pause a paused one", "PUT", f"{_S}/pause", before=state("sink", "PAUSED", 1)),
    Step("the state of a paused one", "GET", f"{_S}/status"),
    Step("resume", "PUT", f"{_S}/resume"),
    Step("resume a running one", "PUT", f"{_S}/resume", before=state("sink", "RUNNING", 1)),
    Step("restart", "POST", f"{_S}/restart"),
    Step("restart with its tasks", "POST", f"{_S}/restart?includeTasks=true", before=state("sink", "RUNNING", 1)),
    Step("restart what failed", "POST", f"{_S}/restart?includeTasks=true&onlyFailed=true", before=state("sink", "RUNNING", 1)),
    Step("restart the connector if it failed", "POST", f"{_S}/restart?onlyFailed=true"),
    Step("restart, both flags false", "POST", f"{_S}/restart?includeTasks=false&onlyFailed=false"),
    Step("restart, flags as Python writes them", "POST", f"{_S}/restart?includeTasks=False&onlyFailed=False"),
    Step("restart, a flag that is no boolean", "POST", f"{_S}/restart?includeTasks=maybe"),
    Step("restart a task", "POST", f"{_S}/tasks/0/restart", before=state("sink", "RUNNING", 1)),
    Step("restart a task that does not exist", "POST", f"{_S}/tasks/99/restart"),
    Step("restart a task that is no number", "POST", f"{_S}/tasks/x/restart"),
    Step("pause with another method", "GET", f"{_S}/pause"),
    *(
        Step(f"{verb} a connector that does not exist", method, f"/connectors/{{nobody}}/{verb}")
        for method, verb in [("PUT", "pause"), ("PUT", "resume"), ("PUT", "stop"), ("POST", "restart"), ("POST", "tasks/0/restart")]
    ),
    Step("resume one that began paused", "PUT", "/connectors/{paused}/resume"),
    Step("the state of one that was resumed", "GET", "/connectors/{paused}/status", before=state("paused", "RUNNING", 1)),
    Step("tasks from another worker", "POST", f"{_S}/tasks", [{}]),
    Step("a fence from another worker", "PUT", f"{_S}/fence"),
]  # fmt: skip

TOPICS = [
    Step("topics", "GET", f"{_S}/topics", before=_landed),
    Step("forget topics", "PUT", f"{_S}/topics/reset"),
    Step("forget topics of a connector that does not exist", "PUT", "/connectors/{nobody}/topics/reset"),
]

RUNNING_OFFSETS = [
    Step("offsets", "GET", f"{_S}/offsets", after=_are({0: 6, 1: 6})),
    Step("offsets, with a slash", "GET", f"{_S}/offsets/"),
    _alter("while it runs", _offset({"kafka_offset": 0})),
    Step("while it runs", "DELETE", f"{_S}/offsets"),
]

STOPPED_OFFSETS = [
    Step("stop", "PUT", f"{_S}/stop"),
    Step("stop a stopped one", "PUT", f"{_S}/stop", before=state("sink", "STOPPED", 0)),
    Step("the state of a stopped one", "GET", f"{_S}/status"),
    Step("a stopped connector", "GET", f"{_S}"),
    Step("the state of a stopped one's task", "GET", f"{_S}/tasks/0/status"),
    Step("restart a stopped one", "POST", f"{_S}/restart"),
    Step("restart a stopped one with its tasks", "POST", f"{_S}/restart?includeTasks=true"),
    Step("offsets while stopped", "GET", f"{_S}/offsets", after=_are({0: 6, 1: 6})),
    _alter("back to an offset", _offset({"kafka_offset": 2})),
    Step("offsets that were set", "GET", f"{_S}/offsets", after=_are({0: 2, 1: 6})),
    _alter("numbers as text", _offset({"kafka_offset": "3"}, "0")),
    _alter("an offset that is null", _offset(None, 1)),
    Step("offsets of which one is reset", "GET", f"{_S}/offsets", after=_are({0: 3})),
    _alter("forward", _offset({"kafka_offset": 5})),
    _alter("behind the end", _offset({"kafka_offset": 99})),
    _alter("a negative offset", _offset({"kafka_offset": -1})),
    _alter("an offset that is no number", _offset({"kafka_offset": "x"})),
    _alter("a partition that does not exist", _offset({"kafka_offset": 0}, 99)),
    _alter("a negative partition", _offset({"kafka_offset": 0}, -1)),
    _alter("a topic that does not exist", _offset({"kafka_offset": 0}, 0, "no-such-topic")),
    _alter("an offset without kafka_offset", _offset({"position": 0})),
    _alter("a partition without kafka_topic", {"partition": {"kafka_partition": 0}, "offset": {"kafka_offset": 0}}),
    _alter("a partition that is null", {"partition": None, "offset": {"kafka_offset": 0}}),
    _alter("no offsets"),
    Step("an empty mapping", "PATCH", f"{_S}/offsets", {}),
    Step("an unknown field", "PATCH", f"{_S}/offsets", {"offsets": [_offset({"kafka_offset": 1})], "note": 1}),
    Step("malformed JSON", "PATCH", f"{_S}/offsets", raw="{"),
    Step("no body", "PATCH", f"{_S}/offsets"),
    Step("a connector that does not exist", "PATCH", "/connectors/{nobody}/offsets", {"offsets": [_offset({"kafka_offset": 0})]}),
    Step("all", "DELETE", f"{_S}/offsets"),
    Step("all again", "DELETE", f"{_S}/offsets"),
    Step("a connector that does not exist", "DELETE", "/connectors/{nobody}/offsets"),
    Step("offsets after the reset", "GET", f"{_S}/offsets", after=_are({})),
]  # fmt: skip

BACK_AGAIN = [
    Step("pause a stopped one", "PUT", f"{_S}/pause"),
    Step("the state of one that was paused when stopped", "GET", f"{_S}/status", before=never_resumed("sink")),
    Step("resume it", "PUT", f"{_S}/resume"),
    Step("the state when it runs again", "GET", f"{_S}/status", before=state("sink", "RUNNING", 1)),
]

"""Where Landfall differs from Kafka Connect on purpose. Each entry must occur, exactly so, or the comparison fails."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Difference:
    """`places` holds {place in the answer: (Connect's, Landfall's)}, as answers.compare tells them."""

    endpoint: str
    what: str
    places: dict
    why: str


def _coded(there, here, **more):
    """Another status, and so another error_code in the body."""
    return {"status": (there, here), "body.error_code": (there, here)} | more


def _all(endpoint, names, places, why):
    return [Difference(endpoint, name, places, why) for name in names]


# Allowed wherever they occur.
EVERYWHERE = {"headers.Content-Type": ("absent", "application/json")}

CLEAR = "a request that is wrong is the client's mistake, and the message says which"
_VALIDATE = "PUT /connector-plugins/{plugin}/config/validate"
_CONFIG = "/connectors/{name}/config"
_OFFSETS = "PATCH /connectors/{name}/offsets"
_LOGGER = "PUT /admin/loggers/{logger}"
_TASK = {"connector": "str", "task": 0}
_STATUS = {"id": 0, "state": "PAUSED", "worker_id": "str", "version": "str"}
_PAUSED = "a paused connector stays in its group, so it has its task before it is resumed"
_REFUSED = {"body.name": ("str", "absent"), "body.config": ("map of str", "absent"), "body.tasks": ([], "absent"),
            "body.type": ("sink", "absent"), "body.error_code": ("absent", 400), "body.message": ("absent", "str")}  # fmt: skip
_LEVEL = {"body": ([], {"error_code": 400, "message": "str"})}

DIFFERENCES = [
    Difference("GET /", "who it is, for a browser",
               {"status": (406, 200), "headers.Content-Type": ("absent", "text/html"),
                "body": ({"error_code": 406, "message": "str"}, "no JSON")},
               "a browser gets the dashboard"),
    Difference("GET /nowhere", "a path that does not exist",
               {"body.error_code": (404, "absent"), "body.message": ("str", "absent"), "body.type": ("absent", "str"),
                "body.title": ("absent", "str"), "body.status": ("absent", 404), "body.detail": ("absent", "str"),
                "body.instance": ("absent", "str"), "body.request_id": ("absent", "str"),
                "headers.Content-Type": ("absent", "application/problem+json")},
               "a path that is none of Connect's is answered in the form of `/v1`"),
    Difference(_VALIDATE, "a key that is not known", {"body.configs[].value.errors": ([], ["str"])},
               "no key is accepted and ignored"),
    Difference(_VALIDATE, "a value that is null", {"body.configs[].value.errors": (["str"], [])},
               "an empty field of a form is a key that is not written"),
    Difference(_VALIDATE, "a plugin that does not exist", _coded(500, 404), CLEAR),
    *_all(_VALIDATE, ["a config without connector.class", "malformed JSON", "a list"], _coded(500, 400), CLEAR),
    *_all("POST /connectors",
          ["an initial state that does not exist", "a value that is a mapping", "an unknown field beside the config",
           "no config", "malformed JSON", "a list"], _coded(500, 400), CLEAR),
    *_all(f"PUT {_CONFIG}", ["a value that is a list", "malformed JSON", "a list"], _coded(500, 400), CLEAR),
    *_all(f"PATCH {_CONFIG}", ["malformed JSON", "a list"], _coded(500, 400), CLEAR),
    *_all(_OFFSETS, ["malformed JSON", "a negative offset", "a partition that does not exist", "a negative partition",
                     "a topic that does not exist", "an unknown field"], _coded(500, 400), CLEAR),
    Difference(_OFFSETS, "behind the end", {"status": (200, 400), "body.error_code": ("absent", 400)},
               "records that are not there yet would be skipped"),
    *(Difference(endpoint, "no body", _coded(500, 415), "no body has no Content-Type either")
      for endpoint in (_VALIDATE, "POST /connectors", f"PUT {_CONFIG}", _OFFSETS)),
    Difference("POST /connectors", "HTML is asked for", _coded(406, 400), "`Accept` is looked at for `/` alone"),
    Difference("GET /connectors", "all infos", {"body.<paused>.info.tasks": ([], [_TASK])}, _PAUSED),
    Difference("GET /connectors", "all states and infos",
               {"body.<paused>.info.tasks": ([], [_TASK]), "body.<paused>.status.tasks": ([], [_STATUS])}, _PAUSED),
    *_all("GET /connectors/{name}/status",
          ["the state of one that began paused", "the state of one that was paused when stopped"],
          {"body.tasks": ([], [_STATUS])}, _PAUSED),
    Difference("POST /connectors/{name}/restart", "restart with its tasks",
               {"body.connector.state": ("RESTARTING", "RUNNING"), "body.tasks[].state": ("RESTARTING", "RUNNING")},
               "the state is the last one that workers told"),
    Difference("POST /connectors/{name}/restart", "restart a stopped one with its tasks",
               {"body.connector.state": ("RESTARTING", "STOPPED")}, "it stays stopped, as it does there"),
    Difference("POST /connectors/{name}/tasks", "tasks from another worker", _coded(400, 405),
               "no worker asks another one"),
    Difference("PUT /connectors/{name}/fence", "a fence from another worker", _coded(400, 404),
               "no worker asks another one"),
    *_all(_LOGGER, ["a level for a logger", "a level for this worker's logger", "a scope that does not exist"],
          {"status": (200, 400), **_LEVEL}, "the level is set where the process starts"),
    Difference(_LOGGER, "a level for the loggers of all workers",
               {"status": (204, 400), "body": ("nothing", {"error_code": 400, "message": "str"})},
               "the level is set where the process starts"),
    Difference(_LOGGER, "a level that does not exist", _coded(404, 400), "the level is set where the process starts"),
    Difference(_LOGGER, "malformed JSON for a level", _coded(500, 400), "the level is set where the process starts"),
    Difference(f"PATCH {_CONFIG}", "another name", {"status": (200, 400), **_REFUSED, "body.tasks": ([_TASK], "absent")},
               "Connect stores a config that names another connector"),
    *(Difference("POST /connectors", f"a {what} in the name",
                 {"status": (201, 400), **_REFUSED, "headers.Location": (f"/connectors/<odd>{end}", "absent")},
                 "Connect makes a connector that cannot be addressed")
      for what, end in [("percent sign", "%41"), ("slash", "/b")]),
]  # fmt: skip

"""What kcctl asks, command by command.

Requests: https://github.com/kcctl/kcctl, src/main/java/org/kcctl/service/KafkaConnectApi.java; their order:
src/main/java/org/kcctl/command/*Command.java. It writes `/connectors/` and `/admin/loggers/` with a slash, compares the
worker's version before it uses an endpoint, and looks up a task's config by "<connector>-<task>".
"""

import json

from .clients import Client, typed


def run(side):
    """info, get, apply, describe, patch, offsets, stop, restart, delete."""
    name = side.name("kcctl")
    client = Client(side)
    info(client)
    get_plugins(client, side)
    apply(client, side, name)
    get_connectors(client, name)
    describe(client, name)
    patch_connector(client, name)
    pause_resume_restart(client, side, name)
    loggers(client)
    offsets(client, side, name)
    client.ask("DELETE", f"/connectors/{name}", expect=204)
    assert name not in client.ask("GET", "/connectors/")


def info(client):
    # InfoCommand, util/Version: numbers with dots.
    worker = typed(client.ask("GET", "/"), version=str, commit=str, kafka_cluster_id=str)
    parts = worker["version"].split("-")[0].split(".")
    assert tuple(int(part) for part in parts[:2]) >= (3, 6), "older workers have no offsets for kcctl"


def get_plugins(client, side):
    # GetPluginsCommand, DescribePluginCommand
    for flag in ("true", "false"):
        plugins = client.ask("GET", f"/connector-plugins?connectorsOnly={flag}")
        assert side.plugin in [typed(plugin, **{"class": str, "type": str})["class"] for plugin in plugins]
    keys = client.ask("GET", f"/connector-plugins/{side.plugin}/config")
    assert "topics" in [typed(key, name=str, type=str, required=bool, documentation=str)["name"] for key in keys]


def apply(client, side, name):
    # ApplyCommand: --dry-run validates by the class's simple name, with "name" put into the config
    config = side.config("kcctl")
    path = f"/connector-plugins/{side.plugin.rsplit('.', 1)[1]}/config/validate"
    found = client.ask("PUT", path, {"name": "dummy-name", **config})
    assert typed(found, name=str, error_count=int, groups=list, configs=list)["error_count"] == 0, found
    found = client.ask("PUT", path, {"name": "dummy-name", **config, "tasks.max": "many"})
    wrong = [at["definition"]["name"] for at in found["configs"] if at["value"]["errors"]]
    assert found["error_count"] >= 1 and wrong == ["tasks.max"], (found["error_count"], wrong)
    # apply: the list of names, then POST or PUT; the file's text is sent as it is, also with numbers in it
    assert name not in client.ask("GET", "/connectors/")
    text = json.dumps({"name": name, "config": {**config, "tasks.max": 1}}, indent=2)
    json_text = {"Content-Type": "application/json"}
    created = client.ask("POST", "/connectors/", data=text, headers=json_text, expect=201)
    typed(created, name=str, config=dict, tasks=list, type=str)
    assert name in client.ask("GET", "/connectors/")
    client.ask("PUT", f"/connectors/{name}/config", config)
    side.until_state(name, "RUNNING", tasks=1)


def get_connectors(client, name):
    # GetConnectorsCommand
    found = client.ask("GET", "/connectors?expand=status")[name]["status"]
    typed(found, name=str, connector=dict, tasks=list, type=str)
    assert (found["connector"]["state"], [task["state"] for task in found["tasks"]]) == ("RUNNING", ["RUNNING"])


def describe(client, name):
    # DescribeConnectorCommand --tasks-config
    info(client)
    typed(client.ask("GET", f"/connectors/{name}"), name=str, config=dict, tasks=list)
    status = client.ask("GET", f"/connectors/{name}/status")
    typed(status["connector"], state=str, worker_id=str)
    config = client.ask("GET", f"/connectors/{name}/config")
    assert all(isinstance(value, str) for value in config.values()), config
    configs = {f"{task['id']['connector']}-{task['id']['task']}": typed(task, config=dict)["config"]
               for task in client.ask("GET", f"/connectors/{name}/tasks")}  # fmt: skip
    for task in status["tasks"]:
        typed(task, id=int, state=str, worker_id=str)
        assert f"{name}-{task['id']}" in configs, configs
    assert isinstance(client.ask("GET", f"/connectors/{name}/topics")[name]["topics"], list)
    client.ask("GET", "/connectors/no-such-connector", expect=404)


def patch_connector(client, name):
    # PatchConnectorCommand: reads the config, changes it, writes all of it, describes
    before = client.ask("GET", f"/connectors/{name}/config")
    client.ask("PUT", f"/connectors/{name}/config", {**before, "errors.tolerance": "all"})
    assert client.ask("GET", f"/connectors/{name}/config") == {**before, "errors.tolerance": "all"}
    client.ask("PUT", f"/connectors/{name}/config", before)
    assert client.ask("GET", f"/connectors/{name}/config") == before


def pause_resume_restart(client, side, name):
    side.until_state(name, "RUNNING", tasks=1)
    client.ask("PUT", f"/connectors/{name}/pause", expect=202)
    side.until_state(name, "PAUSED", tasks=1)
    client.ask("PUT", f"/connectors/{name}/resume", expect=202)
    side.until_state(name, "RUNNING", tasks=1)
    client.ask("POST", f"/connectors/{name}/restart", expect=204)
    restarted = client.ask("POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=false", expect=202)
    typed(restarted, name=str, connector=dict, tasks=list, type=str)
    side.until_state(name, "RUNNING", tasks=1)
    client.ask("POST", f"/connectors/{name}/tasks/0/restart", expect=204)


def loggers(client):
    # GetLoggersCommand, GetLoggerCommand. PatchLogLevelCommand shows the error's message where a level cannot be set.
    assert all("level" in logger for logger in client.ask("GET", "/admin/loggers/").values())
    assert "level" in client.ask("GET", "/admin/loggers/root")


def offsets(client, side, name):
    # GetOffsetsCommand, StopConnectorCommand, PatchOffsetsCommand, DeleteOffsetsCommand
    path = f"/connectors/{name}/offsets"
    side.until(path, lambda found: len(found["offsets"]) == 2, "offsets of both partitions")
    client.ask("PUT", f"/connectors/{name}/stop", expect=204)
    side.until_state(name, "STOPPED", tasks=0)
    wanted = {"partition": {"kafka_topic": side.topic, "kafka_partition": 1}, "offset": {"kafka_offset": 4}}
    typed(client.ask("PATCH", path, {"offsets": [wanted]}), message=str)
    assert wanted in client.ask("GET", path)["offsets"]
    typed(client.ask("DELETE", path), message=str)
    assert client.ask("GET", path)["offsets"] == []
    client.ask("PUT", f"/connectors/{name}/resume", expect=202)
    side.until_state(name, "RUNNING", tasks=1)

"""What Kafka UI (kafbat) asks, button by button.

Requests: https://github.com/kafbat/kafka-ui, contract/src/main/resources/swagger/kafka-connect-api.yaml (its client is
generated from it: a state outside the list fails its reader); their order:
api/src/main/java/io/kafbat/ui/service/KafkaConnectService.java. It repeats what is answered with 409 or 500
(api/src/main/java/io/kafbat/ui/client/RetryingKafkaConnectClient.java).
"""

from .clients import Client, typed

STATES = {"RUNNING", "FAILED", "PAUSED", "UNASSIGNED", "RESTARTING", "STOPPED"}


def run(side):
    """The list of connectors, the form for a new one, a connector's page, its actions."""
    name = side.name("kafka-ui")
    client = Client(side)
    typed(client.ask("GET", "/"), version=str, commit=str, kafka_cluster_id=str)
    form(client, side, name)
    listed(client, side, name)
    page(client, name)
    actions(client, side, name)
    client.ask("DELETE", f"/connectors/{name}", expect=204)
    client.ask("GET", f"/connectors/{name}", expect=404)


def form(client, side, name):
    # getConnectorPlugins, validateConnectorPluginConfig, createConnector: names first, then POST, then GET
    classes = [plugin["class"] for plugin in client.ask("GET", "/connector-plugins")]
    assert side.plugin in classes
    config = {"name": name, **side.config("kafka-ui")}
    found = client.ask("PUT", f"/connector-plugins/{side.plugin}/config/validate", config)
    assert found["error_count"] == 0, found
    for at in found["configs"]:
        if at["definition"] is not None:
            typed(at["definition"], name=str, required=bool, documentation=str, display_name=str, dependents=list)
            assert at["definition"]["importance"] in {"LOW", "MEDIUM", "HIGH"}
            assert at["definition"]["width"] in {"SHORT", "MEDIUM", "LONG", "NONE"}
            assert at["definition"]["type"] in {"BOOLEAN", "CLASS", "DOUBLE", "INT", "LIST", "LONG", "PASSWORD", "SHORT", "STRING"}
        typed(at["value"], name=str, recommended_values=list, errors=list, visible=bool)
    wrong = client.ask("PUT", f"/connector-plugins/{side.plugin}/config/validate", {**config, "tasks.max": "many"})
    assert wrong["error_count"] > 0
    assert name not in client.ask("GET", "/connectors")
    client.ask("POST", "/connectors", {"name": name, "config": side.config("kafka-ui")}, expect=201)
    side.until_state(name, "RUNNING", tasks=1)


def listed(client, side, name):
    # the list and its search: both expansions in one request
    found = client.ask("GET", "/connectors?expand=info&expand=status")[name]
    typed(found["info"], name=str, config=dict, tasks=list)
    assert found["info"]["type"] == "sink"
    assert found["status"]["connector"]["state"] in STATES
    assert all(typed(task, id=int, worker_id=str)["state"] in STATES for task in found["status"]["tasks"])
    assert isinstance(client.ask("GET", "/connectors?search=any"), list), "a parameter of its own is ignored"
    side.until(f"/connectors/{name}/topics", lambda topics: topics[name]["topics"] == [side.topic], "its topic")


def page(client, name):
    # getConnector, getConnectorConfig, getConnectorTasks and each task's status, getConnectorTopics, offsets
    config = client.ask("GET", f"/connectors/{name}/config")
    assert client.ask("GET", f"/connectors/{name}")["config"] == config
    for task in client.ask("GET", f"/connectors/{name}/tasks"):
        typed(task["id"], connector=str, task=int)
        status = client.ask("GET", f"/connectors/{name}/tasks/{task['id']['task']}/status")
        assert typed(status, id=int, worker_id=str)["state"] in STATES
    client.ask("GET", f"/connectors/{name}/offsets")
    changed = client.ask("PUT", f"/connectors/{name}/config", {**config, "errors.tolerance": "all"})
    assert changed["config"] == {**config, "errors.tolerance": "all"}


def actions(client, side, name):
    # updateConnectorState, restartConnectorTask, resetConnectorOffsets; success is any 2xx
    side.until_state(name, "RUNNING", tasks=1)
    client.ask("POST", f"/connectors/{name}/restart?includeTasks=false&onlyFailed=false", expect=204)
    client.ask("POST", f"/connectors/{name}/tasks/0/restart", expect=204)
    side.until_state(name, "RUNNING", tasks=1)
    client.ask("PUT", f"/connectors/{name}/pause", expect=202)
    side.until_state(name, "PAUSED", tasks=1)
    client.ask("PUT", f"/connectors/{name}/resume", expect=202)
    side.until_state(name, "RUNNING", tasks=1)
    # It tells "stop it first" by the 400, and "not found" by the 404.
    client.ask("DELETE", f"/connectors/{name}/offsets", expect=400)
    client.ask("DELETE", "/connectors/no-such-connector/offsets", expect=404)
    client.ask("PUT", f"/connectors/{name}/stop", expect=204)
    side.until_state(name, "STOPPED", tasks=0)
    client.ask("DELETE", f"/connectors/{name}/offsets")

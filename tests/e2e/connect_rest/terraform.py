"""What Terraform's provider for Kafka Connect (Mongey) asks: apply, plan, change, destroy.

Resources: https://github.com/Mongey/terraform-provider-kafka-connect, connect/resource_kafka_connector.go and
connect/resource_kafka_connector_status.go; requests: https://github.com/ricardo-ch/go-kafka-connect,
lib/connectors/base_client.go and highlevel_client.go. It sends the config with `name` in it, takes what is read back for
the state of the world, so that one key more or less is a change in every plan, and repeats what is answered with 409.
"""

import time

from .clients import Client


def run(side):
    """create, read, no change, update, pause, resume, import, delete."""
    name = side.name("terraform")
    client = Client(side)
    config = {"name": name, **side.config("terraform")}
    created = client.ask("POST", "/connectors", {"name": name, "config": config}, expect=201)
    assert created["config"] == config, "connectorCreate writes the answer's config into the state"
    synced(lambda: status_of(client, f"/connectors/{name}") == 200, "the connector is there")
    assert read(client, name) == config, "a plan after apply would show changes"

    config = {**config, "errors.tolerance": "all"}
    updated = client.ask("PUT", f"/connectors/{name}/config", config)
    assert updated["config"] == config
    synced(lambda: client.ask("GET", f"/connectors/{name}/config") == config, "IsUpToDate: as many keys, the same values")
    assert read(client, name) == config
    assert client.ask("PUT", f"/connectors/{name}/config", config)["config"] == config, "unchanged is no error"

    for verb, state in [("pause", "PAUSED"), ("resume", "RUNNING")]:
        client.ask("PUT", f"/connectors/{name}/{verb}", expect=202)
        synced(lambda state=state: connector_state(client, name) == state, state)
    client.ask("POST", f"/connectors/{name}/restart", expect=204)

    # A second apply of the same name is refused as one that is worth repeating, and then fails.
    client.ask("POST", "/connectors", {"name": name, "config": config}, expect=409)

    client.ask("DELETE", f"/connectors/{name}", expect=204)
    synced(lambda: status_of(client, f"/connectors/{name}") == 404, "the connector is gone")
    # "[WARN] Connector not found, removing from state"
    assert status_of(client, f"/connectors/{name}/status") == 404


def read(client, name):
    return client.ask("GET", f"/connectors/{name}")["config"]


def connector_state(client, name):
    status = client.ask("GET", f"/connectors/{name}/status")
    # The provider reads `connector` as a map of strings.
    assert all(isinstance(value, str) for value in status["connector"].values()), status
    return status["connector"]["state"]


def status_of(client, path):
    return client.side.request("GET", path, headers=client.headers).status_code


def synced(condition, what):
    """As its tryUntil: repeats until the change is seen."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"not within 60 s: {what}"
        time.sleep(0.3)

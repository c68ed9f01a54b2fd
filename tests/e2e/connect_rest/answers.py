"""What clients look at in an answer: status, Location, Content-Type, and the shape of its JSON.

A shape holds keys and types, and the values of a closed vocabulary: states, error codes, kinds of connectors. Elements
of a list are merged: what matters is what a client may find in one. A connector's config is a map of strings.
"""

import re
from urllib.parse import urlsplit

# Keys whose values a client branches on, where they are one of these.
_WORDS = {"RUNNING", "PAUSED", "STOPPED", "FAILED", "UNASSIGNED", "RESTARTING", "sink", "source", "healthy"}
_LITERAL_KEYS = {"state", "type", "error_code", "status", "task", "id"}


def seen(side, answer):
    """The answer as {"status": .., "headers": .., "body": ..}, without what differs from server to server."""
    headers = {}
    if "Location" in answer.headers:
        headers["Location"] = _plain(side, urlsplit(answer.headers["Location"]).path)
    if "Content-Type" in answer.headers:
        headers["Content-Type"] = answer.headers["Content-Type"].split(";")[0].strip()
    return {"status": answer.status_code, "headers": headers, "body": _body(side, answer)}


def _body(side, answer):
    if not answer.content:
        return "nothing"
    path = urlsplit(answer.url).path.rstrip("/")
    try:
        found = answer.json()
    except ValueError:
        return "no JSON"
    if answer.ok and path == "/admin/loggers":
        found = {"<logger>": list(found.values())}  # which there are is the server's own matter
    is_config = answer.ok and answer.request.method == "GET" and path.endswith("/config")
    return shape(side, found, "config" if is_config else None)


def shape(side, value, key=None):
    """The shape of a JSON value: nested mappings, lists of one merged shape, and names of types."""
    if key == "config" and isinstance(value, dict) and value:
        kinds = {type(item).__name__ for item in value.values()}
        return f"map of {'|'.join(sorted(kinds))}"
    if isinstance(value, dict):
        return {_plain(side, name): shape(side, item, name) for name, item in value.items()}
    if isinstance(value, list):
        merged = None
        for item in value:
            merged = shape(side, item, key) if merged is None else merge(merged, shape(side, item, key))
        return [] if merged is None else [merged]
    if key in _LITERAL_KEYS and (isinstance(value, int) or value in _WORDS):
        return value
    return "null" if value is None else type(value).__name__


def merge(one, other):
    """Both shapes in one: keys of either, types side by side."""
    if one == other:
        return one
    if isinstance(one, dict) and isinstance(other, dict):
        names = [*one, *(name for name in other if name not in one)]
        return {name: merge(one.get(name, "absent"), other.get(name, "absent")) for name in names}
    if isinstance(one, list) and isinstance(other, list):
        return one + [item for item in other if item not in one]
    for some, none in ((one, other), (other, one)):
        if isinstance(some, dict) and none == "null":
            return {**some, "(or)": "null"}
    kinds = {*str(one).split("|"), *str(other).split("|")}
    return "|".join(sorted(kinds))


def _plain(side, text):
    """Names without the side and the run."""
    return re.sub(rf"{side.label}-([a-z0-9-]+?)-{re.escape(side.run)}", r"<\1>", text)


def compare(there, here, path=""):
    """Each place where the two differ, as {place: (there, here)}. One of the types that there are there is no difference."""
    if isinstance(there, dict) and isinstance(here, dict):
        found = {}
        for name in [*there, *(name for name in here if name not in there)]:
            found |= compare(there.get(name, "absent"), here.get(name, "absent"), f"{path}.{name}" if path else name)
        return found
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here) == 1:
        return compare(there[0], here[0], f"{path}[]")
    if isinstance(there, str) and isinstance(here, str) and {*here.split("|")} <= {*there.split("|")}:
        return {}
    return {} if there == here else {path: (there, here)}

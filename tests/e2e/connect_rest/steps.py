"""All requests, in order: what a later one finds was made by the ones before."""

from . import steps_connectors as connectors
from . import steps_plugins as plugins
from . import steps_running as running

STEPS = [
    *plugins.WORKER, *plugins.PLUGINS, *plugins.VALIDATION,
    *connectors.LISTS, *connectors.CREATION, *connectors.READING, *connectors.CHANGES,
    *running.STATES, *running.TOPICS, *running.RUNNING_OFFSETS, *running.STOPPED_OFFSETS, *running.BACK_AGAIN,
    *plugins.LOGGERS, *connectors.DELETION, *connectors.BAD_NAMES,
]  # fmt: skip

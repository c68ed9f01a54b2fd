"""The independent checker: reads a topic and a bucket with other people's libraries and compares them.

It shares no code with the product and knows nothing of its log: only records, objects and committed offsets.
"""

from .check import Report, check
from .objects import list_objects
from .source import read_source
from .timeline import Timeline
from .watch import GroupReader, Watch

__all__ = ["GroupReader", "Report", "Timeline", "Watch", "check", "list_objects", "read_source"]

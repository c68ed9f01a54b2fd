"""What the figures were measured on."""

import os
import pathlib
import re
import subprocess
import time

from e2e.landfall import BINARY
from parts import layout


def machine():
    """A field that cannot be found out is "unknown", not a reason to fail."""
    return {
        "at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": _said("git", "-C", layout.ROOT, "describe", "--always", "--dirty"),
        "binary": f"{_said(BINARY, '--version')}, {_profile()}",
        "processor": _field("/proc/cpuinfo", r"^model name\s*: (.*)$"),
        "cores": os.cpu_count(),
        "memory_gib": round(int(_field("/proc/meminfo", r"^MemTotal:\s*(\d+)")) / (1 << 20)),
        "kernel": _read("/proc/sys/kernel/osrelease").strip(),
    }


def load():
    """The load average over one minute."""
    return _read("/proc/loadavg").split()[0]


def _profile():
    if said := os.environ.get("SCALE_BUILD"):
        return said  # of a binary that this checkout did not make
    return "release build" if BINARY.resolve().parent.name == "release" else f"from {BINARY.parent.name}"


def _said(*words):
    try:
        return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _read(path):
    return pathlib.Path(path).read_text(encoding="utf-8")


def _field(path, pattern):
    found = re.search(pattern, _read(path), re.MULTILINE)
    return found[1] if found else "unknown"

"""What a running process has used, by the kernel and by its own /metrics."""

import os
import pathlib
import re

import requests

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20
_LINE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def rss_mib(pid):
    return _mib(pid, "VmRSS")


def peak_rss_mib(pid):
    return _mib(pid, "VmHWM")


def forget_peak(pid):
    """From here on the peak counts anew."""
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="utf-8")


def threads(pid):
    return _status(pid, "Threads")


def _mib(pid, name):
    return round(_status(pid, name) / 1_024)


def _status(pid, name):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


class Metrics:
    """One reading of a process's /metrics."""

    def __init__(self, port):
        answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
        answer.raise_for_status()
        self.values = {}
        for line in answer.text.splitlines():
            found = _LINE.match(line)
            if found:
                labels = frozenset(re.findall(r'(\w+)="([^"]*)"', found[2] or ""))
                self.values[(found[1], labels)] = float(found[3])

    def sum(self, name, **labels):
        """Over all label sets that hold these labels."""
        wanted = set(labels.items())
        return sum(value for (of, have), value in self.values.items() if of == name and wanted <= have)

    def by(self, name, label):
        """Sums by the values of one label."""
        sums = {}
        for (of, have), value in self.values.items():
            if of == name:
                key = dict(have).get(label)
                sums[key] = sums.get(key, 0) + value
        return sums


def s3_requests(before, after):
    """Attempts of requests between two readings, by operation; `before` may be None."""
    old = before.by("landfall_s3_requests_total", "operation") if before else {}
    new = after.by("landfall_s3_requests_total", "operation")
    return {name: round(count - old.get(name, 0)) for name, count in sorted(new.items()) if count > old.get(name, 0)}


def told(counts):
    """{"get": 3} as `3 get`."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

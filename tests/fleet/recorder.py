"""Every request of one kind of process, on its way to the emulator."""

import threading

from parts.faultproxy import FaultProxy

from . import calls


class Recorder(FaultProxy):
    """A context manager; `endpoint` stands in for the emulator's, `made` has the distinct rights that were needed."""

    def __init__(self, upstream_port, process, buckets):
        super().__init__(upstream_port, self._watch)
        self.process, self.buckets = process, buckets
        self.made = {}  # Call -> how often
        self.denied = {}  # Call -> how often the emulator answered 403
        self.unknown = []
        self.requests = 0
        self._seen = threading.Lock()

    def _watch(self, method, target, headers, body, status):
        try:
            needed = calls.calls_of(method, target, headers, body)
        except (calls.Unknown, ValueError, KeyError) as problem:
            needed = []
            with self._seen:
                self.unknown.append(f"{problem!r}: {method} {target}")
        with self._seen:
            self.requests += 1
            for call in needed:
                call = self._renamed(call)
                self.made[call] = self.made.get(call, 0) + 1
                if status == 403:
                    self.denied[call] = self.denied.get(call, 0) + 1

    def _renamed(self, call):
        """The real bucket by the name that policies are read with; `buckets` is filled when it is known."""
        for real, name in self.buckets.items():
            arn = f"arn:aws:s3:::{real}"
            if call.on == arn or call.on.startswith(f"{arn}/"):
                return calls.Call(call.action, call.on.replace(real, name, 1), call.context)
        return call

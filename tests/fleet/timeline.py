"""What happened when, beside what was wanted and what ran: printed as it goes, kept for the page."""

import threading
import time


class Timeline:
    """`look()` gives (desired, running, lag) at this moment, None for what is not known."""

    HEAD = f"{'s':>6}  {'desired':>7}  {'running':>7}  {'lag':>9}  event"

    def __init__(self, show=print):
        self.started = time.monotonic()
        self.rows = []  # (seconds, desired, running, lag, event)
        self.now = (None, None, None)
        self.show = show
        self._lock = threading.Lock()
        show(self.HEAD)

    def tell(self, event):
        with self._lock:
            row = (time.monotonic() - self.started, *self.now, event)
            self.rows.append(row)
            self.show(line(row))

    def see(self, desired, running, lag):
        """A sample; told where the number of workers changed."""
        before, self.now = self.now, (desired, running, lag)
        if before[0] != desired and before[0] is not None:
            self.tell(f"desired count {before[0]} -> {desired}")
        elif before[1] != running and before[1] is not None:
            self.tell(f"running {before[1]} -> {running}")

    def most(self):
        """The largest desired and running counts that were seen."""
        return tuple(max((row[at] or 0 for row in self.rows), default=0) for at in (1, 2))


def line(row):
    seconds, *numbers, event = row
    desired, running, lag = ("-" if number is None else str(number) for number in numbers)
    return f"{seconds:>6.1f}  {desired:>7}  {running:>7}  {lag:>9}  {event}"

"""Servers as child processes: free ports, start, readiness, signals, stop; parts made of them.

Invariants: a child is only ever signalled by its own pid; a child is killed by the kernel when its parent dies,
frozen or not; every wait is bounded.
"""

import ctypes
import itertools
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

from . import layout

# Ephemeral ports begin at 32768. Test processes side by side each look in a tenth of these, never in another's.
_LOWEST_PORT, _HIGHEST_PORT = 12000, 32000
if layout.RUNNER:
    _LOWEST_PORT += 2000 * (int(layout.RUNNER.removeprefix("gw")) % 10)
    _HIGHEST_PORT = _LOWEST_PORT + 2000
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_names = itertools.count(1)
_handed_out = set()


class PartFailed(RuntimeError):
    """A part did not start, ended too early, or did not get ready in time."""


def free_ports(count=1):
    """`count` consecutive free ports on the loopback interface, below the ephemeral range."""
    for _ in range(500):
        first = random.randrange(_LOWEST_PORT, _HIGHEST_PORT - count)
        wanted = range(first, first + count)
        if not _handed_out.intersection(wanted) and all(_is_free(port) for port in wanted):
            _handed_out.update(wanted)
            return list(wanted)
    raise PartFailed(f"no {count} consecutive free ports between {_LOWEST_PORT} and {_HIGHEST_PORT}")


def free_port():
    return free_ports(1)[0]


def _is_free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def accepts_connections(port):
    """Whether somebody listens on the port now."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def answers_http(url):
    """Whether a GET is answered with 200 now."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def data_folder(name):
    """A fresh folder under target/test-parts; its owner removes it."""
    layout.DATA.mkdir(parents=True, exist_ok=True)
    return pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=layout.DATA))


def remove_folder(folder):
    shutil.rmtree(folder, ignore_errors=True)


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """One child process with its log file. A context manager: leaving it stops the child."""

    def __init__(self, name, command, env=None, cwd=None):
        self.name = name
        self.command = [str(word) for word in command]
        self.env = {**os.environ, **{key: str(value) for key, value in (env or {}).items()}}
        self.cwd = cwd
        layout.LOGS.mkdir(parents=True, exist_ok=True)
        self.log_path = layout.LOGS / f"{name}-{os.getpid()}-{next(_names)}.log"
        self.process = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.cwd,
                preexec_fn=_die_with_parent,
            )
        return self

    __enter__ = start

    def __exit__(self, *_exc):
        self.stop()

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_until(self, ready, timeout_s, what="ready"):
        """Polls `ready()` until it is true; fails at once when the process has ended."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.is_running():
                raise PartFailed(f"{self.name} ended with code {self.process.poll()}; {self.tail()}")
            if time.monotonic() > deadline:
                raise PartFailed(f"{self.name} was not {what} within {timeout_s} s; {self.tail()}")
            time.sleep(0.05)
        return self

    def tail(self, lines=25):
        text = "\n".join(line[:400] for line in self.log().splitlines()[-lines:])
        return f"the end of {self.log_path}:\n{text}"

    def signal(self, number):
        if self.is_running():
            self.process.send_signal(number)

    def pause(self):
        """SIGSTOP: the process lives on, frozen."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        """SIGKILL, and waits for the end."""
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(timeout=30)

    def terminate(self, timeout_s=60):
        """SIGTERM, and waits for the end. Returns the exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise PartFailed(f"{self.name} did not end within {timeout_s} s of SIGTERM; {self.tail()}") from None

    def stop(self, timeout_s=15):
        """SIGCONT and SIGTERM, then SIGKILL: for the end of a test."""
        if not self.is_running():
            return
        self.resume()
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()


class Part:
    """Servers with one data folder; a context manager. A subclass starts them in `_launch` and lists them in `servers`."""

    name = ""
    folder = None
    servers = ()

    def start(self):
        self.folder = data_folder(self.name)
        try:
            self._launch()
        except BaseException:
            self.stop()
            raise
        return self

    __enter__ = start

    def __exit__(self, *_exc):
        self.stop()

    def stop(self):
        for server in self.servers:
            server.kill()  # nothing on its disk is wanted any more
        if self.folder is not None:
            remove_folder(self.folder)

    def _launch(self):
        raise NotImplementedError

    def _write(self, name, text):
        """A file in the data folder; returns its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

"""An HTTP proxy on the loopback interface that spoils chosen requests on their way to an S3 server.

    with FaultProxy(s3.port) as proxy:
        fault = proxy.fault("lose_answer", method="PUT", path="/log/", times=3)
        ...
        assert fault.fired            # a fault that never fired proves nothing
        fault.clear()

Kinds: `slow_down` answers 503 SlowDown; `internal_error` answers 500; `reset` cuts the connection before the server
sees the request; `lose_answer` lets the server do its work and cuts the connection instead of answering;
`delay` holds the request for `delay_s` first. The Host header is passed on, so that signatures stay valid.
`watch(method, target, headers, body, status)` is told of every request that the server answered, before the client is.
"""

import http.client
import random
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_UPSTREAM_TIMEOUT_S = 60
_ERRORS = {"slow_down": (503, "SlowDown"), "internal_error": (500, "InternalError"), "access_denied": (403, "AccessDenied")}
_KINDS = {*_ERRORS, "reset", "lose_answer", "delay"}


@dataclass
class Fault:
    """One rule. `times` bounds how often it fires (None: without end); `share` is its chance for each request.

    `fired` counts the requests it took; `answers_lost` those whose answer the server gave and nobody got: a request that
    met no server has none to lose.
    """

    kind: str
    method: str = ""
    path: str = ""
    query: str = ""
    times: int | None = None
    share: float = 1.0
    delay_s: float = 0.0
    fired: int = 0
    answers_lost: int = 0
    active: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _rng: random.Random = field(default_factory=lambda: random.Random(11))

    def clear(self):
        self.active = False

    def takes(self, method, target):
        """Whether this request is spoilt; counts it."""
        parts = urlsplit(target)
        matches = re.match(self.method, method) and re.search(self.path, parts.path) and re.search(self.query, parts.query)
        with self._lock:
            if not self.active or not matches or (self.times is not None and self.fired >= self.times):
                return False
            if self._rng.random() >= self.share:
                return False
            self.fired += 1
            return True

    def lost_one(self):
        with self._lock:
            self.answers_lost += 1


class FaultProxy:
    """A context manager; `endpoint` stands in for the server's own."""

    def __init__(self, upstream_port, watch=None):
        self.upstream_port = upstream_port
        self.watch = watch
        self.faults = []
        self.server = None

    def __enter__(self):
        from .process import free_port

        self.server = _Server(("127.0.0.1", free_port()), _Handler)
        self.server.proxy = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exc):
        self.server.shutdown()
        self.server.server_close()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def fault(self, kind, **options):
        if kind not in _KINDS:
            raise ValueError(f"{kind} is no kind of fault; there are {sorted(_KINDS)}")
        added = Fault(kind, **options)
        # Those that were cleared go: every request looks through this list, and a long run adds thousands.
        self.faults = [fault for fault in self.faults if fault.active] + [added]
        return added


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that went away is no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Answers leave as they are written: with Nagle's algorithm each would wait for the client's acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1

    def _handle(self):
        body = self._body()
        fault = next((rule for rule in self.server.proxy.faults if rule.takes(self.command, self.path)), None)
        if fault is not None and fault.kind == "delay":
            time.sleep(fault.delay_s)
        elif fault is not None and fault.kind == "reset":
            return self._cut()
        elif fault is not None and fault.kind in _ERRORS:
            return self._refuse(*_ERRORS[fault.kind])
        try:
            status, headers, content = self._forward(body)
        except OSError:
            return self._cut()  # the server itself is away
        if self.server.proxy.watch is not None:
            self.server.proxy.watch(self.command, self.path, self.headers, body, status)
        if fault is not None and fault.kind == "lose_answer":
            fault.lost_one()
            return self._cut()
        return self._answer(status, headers, content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle

    def _body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _forward(self, body):
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.proxy.upstream_port, timeout=_UPSTREAM_TIMEOUT_S)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "transfer-encoding", "expect", "content-length"):
                    upstream.putheader(name, value)
            if body or self.command in ("PUT", "POST"):
                upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body or None)
            answer = upstream.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        except http.client.HTTPException as failure:
            raise OSError(str(failure)) from failure
        finally:
            upstream.close()

    def _answer(self, status, headers, content):
        self.send_response_only(status)
        length = str(len(content))
        for name, value in headers:
            if name.lower() == "content-length":
                length = value if self.command == "HEAD" else length
            elif name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def _refuse(self, status, code):
        content = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
        self._answer(status, [("Content-Type", "application/xml")], b"" if self.command == "HEAD" else content)

    def _cut(self):
        # Linger of zero: the client sees a reset, not a polite end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_arguments):
        """Quiet: the servers at both ends have logs."""

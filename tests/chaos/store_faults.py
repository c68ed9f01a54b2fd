"""Faults of requests to S3, by the proxy in front of it: answers that are lost, refusals, resets, delays."""

import time
from dataclasses import dataclass

from .lanes import Struck, wait_until

# What is aimed at: (kind, method, path, query), regular expressions on the request.
_AIMS = [
    ("log entry PUT", "PUT", r"/log/.*\.json$", ""),
    ("sets PUT", "PUT", r"/log/.*\.sets\.zst$", ""),
    ("CompleteMultipartUpload", "POST", "", "uploadId="),
    ("UploadPart", "PUT", "", "partNumber="),
    ("CreateMultipartUpload", "POST", "", "uploads"),
    ("HEAD", "HEAD", "", ""),
    ("GET", "GET", "", "^(?!.*(list-type|uploads))"),
    ("LIST", "GET", "", "list-type"),
]
_BURST_LIMIT_S = 4.0


@dataclass
class LoseAnswers:
    """A burst of requests that are carried out and never answered."""

    proxy: object
    aim: tuple

    @property
    def kind(self):
        return f"lost answer: {self.aim[0]}"

    def strike(self, rng):
        _, method, path, query = self.aim
        times, at_s = rng.randint(3, 9), time.time()
        fault = self.proxy.fault("lose_answer", method=method, path=path, query=query, times=times)
        wait_until(lambda: fault.fired >= times, _BURST_LIMIT_S)
        fault.clear()
        time.sleep(0.1)  # the last of them may still be at the server
        if not fault.answers_lost:
            return None
        return Struck(self.kind, "requests", at_s, time.time(), fault.fired, fault.answers_lost)


@dataclass
class Storm:
    """For some seconds a share of all requests is refused, cut or held."""

    proxy: object
    kind: str
    fault_kind: str
    share: float
    delay_s: float = 0.0

    def strike(self, rng):
        at_s = time.time()
        fault = self.proxy.fault(self.fault_kind, share=self.share, delay_s=self.delay_s)
        time.sleep(rng.uniform(2.0, 5.0))
        fault.clear()
        return Struck(self.kind, "requests", at_s, time.time(), fault.fired) if fault.fired else None


def request_faults(proxy):
    lost = [LoseAnswers(proxy, aim) for aim in _AIMS]
    return lost + [
        Storm(proxy, "503 storm", "slow_down", 0.8),
        Storm(proxy, "500 storm", "internal_error", 0.5),
        Storm(proxy, "reset before the request", "reset", 0.4),
        Storm(proxy, "delayed requests", "delay", 0.5, delay_s=1.5),
    ]

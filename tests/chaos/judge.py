"""The verdict on a run: Kafka against S3 by the independent checker, the product's own audit, what the processes held."""

from collections import Counter

from checker import check, objects, read_source

from . import flatness, logs, recovery
from .census import open_uploads
from .house import BUCKET, JOBS, PROBE, TOPIC, prefixes

WORKER_KILL, QUIET_KILL = "worker SIGKILL", "worker SIGKILL in the calm"
# Faults that leave an open upload behind.
ORPHANING = {WORKER_KILL, QUIET_KILL, "worker SIGSTOP", "worker SIGTERM", "S3 server SIGKILL",
             "S3 server SIGKILL in Complete", "lost answer: CreateMultipartUpload"}  # fmt: skip
_AUDIT_LIMIT_S = 900
MINUTES_FOR_FLATNESS = 10
_MESSAGES = 25


class Judge:
    """What is wrong goes into the journal's problems, what is measured into the result."""

    def __init__(self, house, journal, result):
        self.house, self.journal, self.result = house, journal, result

    def judge(self, lanes, census, watches, uploads_before_calm):
        """`uploads_before_calm`: ids of the uploads that were open when nothing was struck any more."""
        result, house, journal = self.result, self.house, self.journal
        source = read_source(house.kafka.bootstrap, [TOPIC], keep_values=house.feed.bad)
        for name, _, kind in JOBS:
            result.jobs[name] = self._judge_job(name, kind, source, watches[name])
        result.faults, result.answers_lost = dict(journal.counts()), dict(journal.answers_lost())
        result.struck = [
            {"kind": struck.kind, "target": struck.target, "at_s": round(struck.at_s, 2), "until_s": round(struck.until_s, 2),
             "requests": struck.requests, "answers_lost": struck.answers_lost} for struck in journal.struck
        ]  # fmt: skip
        result.spoilt_requests = sum(struck.requests for struck in journal.struck)
        result.process_faults = sum(1 for struck in journal.struck if struck.target != "requests")
        planned = {fault.kind for lane in lanes for fault in lane.faults}
        for kind in sorted(planned - set(result.faults)):
            journal.problem(f"never fired: {kind}")
        result.counts = census.counts
        orphaning = sum(struck.answers_lost or 1 for struck in journal.struck if struck.kind in ORPHANING)
        replaced = [[slot.name for slot in house.workers[1:]], [house.api.name]]
        left = {upload["UploadId"] for upload in open_uploads(house.client, BUCKET)}
        grown = [
            *flatness.judge_processes(census.counts, house.workers[0].name, replaced),
            *flatness.judge_uploads(len(left), orphaning, left - uploads_before_calm),
        ]
        # A few minutes are all warm-up: what is held is shown for them, and judged in longer runs.
        for problem in grown if result.minutes >= MINUTES_FOR_FLATNESS else ():
            journal.problem(problem)
        logged = Counter()
        for slot in [house.api, *house.workers]:
            logged += logs.count(slot.server.log_path, lambda text, slot=slot: journal.problem(f"{slot.name}: {text}"))
        result.logged = dict(logged.most_common(_MESSAGES))

    def _judge_job(self, name, kind, source, watch):
        house, journal = self.house, self.journal
        data, letters = prefixes(name)
        others = tuple(prefix for other, _, _ in JOBS if other != name for prefix in prefixes(other))
        report = check(source, house.client, BUCKET, data_prefix=data, dead_letters=letters,
                       ignore=("_landfall/", data + PROBE, *others), timeline=watch.samples, bad=house.feed.bad)  # fmt: skip
        for problem in report.problems:
            journal.problem(f"{name}: {problem}")
        if watch.samples.samples < 3:
            journal.problem(f"{name}: watched {watch.samples.samples} times only, {watch.missed} samples failed")
        try:
            status = house.fleet.wait_drained(name)
        except AssertionError as failure:
            journal.problem(str(failure)[:500])
            status = house.fleet.status(name)
        wrong = {at: status[at] for at in ("failed", "gaps", "lost_records") if status[at]}
        if wrong or status["delivery"]["mode"] != "exactly_once":
            journal.problem(f"{name}: the status tells of {wrong}, {status['delivery']}")
        audit = house.fleet.command("audit", name, "--config", house.fleet.config_path, timeout_s=_AUDIT_LIMIT_S)
        if audit.returncode != 0:
            journal.problem(f"{name}: landfall audit: {audit.stdout[-2000:]}{audit.stderr[-500:]}")
        self._measure_recovery(name, report, watch)
        return {
            "group_protocol": kind.lower(), "records": report.source_records, "landed": report.data_records,
            "dead_letters": report.dead_letters, "malformed": len(house.feed.bad), "objects": report.data_objects,
            "dead_letter_objects": report.dead_letter_objects, "missing": report.counts["missing"],
            "twice": report.counts["twice"], "malformed_in_data": report.counts["malformed and not set aside"],
            "problems": sum(report.counts.values()), "samples": watch.samples.samples, "samples_missed": watch.missed,
            "probes_left": len(objects.list_objects(house.client, BUCKET, data + PROBE)),
            "log_entries": status["last_entry"]["seq"] + 1, "audit": "clean" if audit.returncode == 0 else "not clean",
        }  # fmt: skip

    def _measure_recovery(self, name, report, watch):
        landed_at = recovery.landings(report.contents, watch.samples.shown)
        for struck in self.journal.struck:
            if struck.kind not in (WORKER_KILL, QUIET_KILL):
                continue
            seconds = recovery.recovery_s(struck, landed_at)
            if seconds is None:
                self.journal.problem(f"{name}: after {struck.kind} of {struck.target} some partition never landed again")
                continue
            measured = self.result.quiet_recovery_s if struck.kind == QUIET_KILL else self.result.recovery_s
            measured.setdefault(name, []).append(round(seconds, 1))

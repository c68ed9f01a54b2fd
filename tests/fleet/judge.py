"""What must be true of a run."""

from .calls import asked_to_be_denied


def problems(outcome):
    """Everything that is not as it must be, one line each; empty where all is well."""
    report = outcome.report
    desired, running = outcome.timeline.most()
    claims = [
        (not report.problems, f"the checker: {dict(report.counts)} {report.problems[:5]}"),
        (report.data_records == outcome.records, f"{report.data_records} of {outcome.records} records landed"),
        (outcome.delivery == "exactly_once", f"the job's delivery is {outcome.delivery}"),
        (desired >= 2, f"never more than {desired} workers were asked for"),
        (running >= 2, f"never more than {running} workers ran"),
        (outcome.timeline.now[:2] == (0, 0), f"it ends with {outcome.timeline.now[:2]} asked for and running"),
        (max(outcome.metric, default=0) == desired, f"CloudWatch has DesiredTasks {outcome.metric}, ECS had {desired}"),
        (outcome.metric[-1:] == [0], f"the last DesiredTasks in CloudWatch is not 0: {outcome.metric}"),
        (outcome.athena_rows == outcome.records, f"Athena counts {outcome.athena_rows} rows"),
        (outcome.athena_ids == outcome.records, f"Athena counts {outcome.athena_ids} ids"),
        (set(outcome.exit_codes) == {0}, f"tasks ended with {outcome.exit_codes}"),
        (not outcome.unknown, f"requests that no right is known for: {outcome.unknown[:5]}"),
    ]
    wrong = [what for holds, what in claims if not holds]
    for process, compared in outcome.compared.items():
        wrong += [f"{process}: {told}" for told in compared.told()]
        refused = [call for call in outcome.denied[process] if not asked_to_be_denied(call)]
        wrong += [f"{process}: the emulator refused {call}" for call in refused]
    return wrong + outcome.problems

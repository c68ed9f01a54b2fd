"""The table that `landfall ddl` prints, made and asked in the emulator's Athena."""

import time


def query(emulator, sql, database):
    """The rows as lists of texts."""
    athena = emulator.client("athena")
    execution = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": database},
        ResultConfiguration={"OutputLocation": "s3://assets/athena/"},
    )["QueryExecutionId"]
    deadline = time.monotonic() + 60
    while True:
        status = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
        assert time.monotonic() < deadline, f"no answer in 60 s: {sql}"
        time.sleep(0.1)
    assert status["State"] == "SUCCEEDED", f"{sql}: {status.get('StateChangeReason')}"
    rows = athena.get_query_results(QueryExecutionId=execution)["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows[1:]]

"""The HTTP API against its own OpenAPI document, by requests that somebody else makes up (schemathesis)."""

import hashlib
import subprocess
import sys

TOKEN = "made-up-requests"  # noqa: S105
# A job document is more than its schema says: what is wrong in it is told field by field with 422.
NOT_ASKED = "positive_data_acceptance,unsupported_method"


def test_made_up_requests_find_nothing_that_the_document_does_not_say(fleet, make_topic, new_job):
    topic = make_topic(partitions=2)
    sha256 = hashlib.sha256(TOKEN.encode()).hexdigest()
    tokens = [{"name": "made-up", "sha256": sha256, "role": "operator"}]
    fleet.config["api"]["auth"] = {"mode": "token", "tokens": tokens}
    fleet.write_config("fleet.yaml", fleet.config)
    fleet.token = TOKEN
    fleet.api()
    fleet.create({**new_job(topic), "name": "bids"})
    made_up = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"{fleet.url}/openapi.json",
            "--header", f"Authorization: Bearer {TOKEN}", "--exclude-path-regex", "/stream$",
            "--exclude-checks", NOT_ASKED, "--max-examples", "20", "--seed", "1", "--request-timeout", "30",
            "--no-color",
        ],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert made_up.returncode == 0, made_up.stdout[-20_000:] + made_up.stderr

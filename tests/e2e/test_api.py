"""The HTTP API as scripts see it: bad documents told field by field, no lost update, tokens, problems, limits."""

import concurrent.futures
import hashlib
import json
import time

import pytest

from e2e.events import numbered, produce
from e2e.landfall import Fleet, merge


@pytest.fixture(scope="module")
def shared(kafka, s3):
    """One API with one worker for the whole table: none of the requests creates a job."""
    s3.make_bucket("lake-api-table")
    away = {"clusters": {"away": {"bootstrap_servers": "127.0.0.1:9"}}, "buckets": {"lake-absent": {}, "lake-api-table": {}}}
    with Fleet(kafka, s3, "lake-api-table", config=away) as fleet:
        fleet.api()
        yield fleet


GOOD = {"name": "table", "source": {"cluster": "main", "topics": ["bids"]}, "sink": {"bucket": "lake-api-table"}}

# (what is changed in a good job, words that the answer must have)
BAD_JOBS = {
    "no name": ({"name": None}, ["name"]),
    "a bad name": ({"name": "Not A Name"}, ["name", "Not A Name"]),
    "a name with a slash": ({"name": "a/b"}, ["name", "a/b"]),
    "a name in Unicode": ({"name": "geböte"}, ["name", "geböte"]),
    "no source": ({"source": None}, ["source.cluster", "source.topics"]),
    "an unknown cluster": ({"source": {"cluster": "mian"}}, ["source.cluster", "mian", "main"]),
    "no topics": ({"source": {"topics": []}}, ["source.topics"]),
    "a bad topic name": ({"source": {"topics": ["a b"]}}, ["source.topics", "a b"]),
    "topics and a pattern": ({"source": {"topics_regex": "^x"}}, ["topics_regex"]),
    "a broken pattern": ({"source": {"topics": None, "topics_regex": "^x("}}, ["topics_regex"]),
    "an unknown key": ({"snik": {}}, ["snik", "sink"]),
    "an unknown key inside": ({"sink": {"buckett": "x"}}, ["buckett", "bucket"]),
    "a bad start": ({"source": {"start": "begining"}}, ["source.start", "begining"]),
    "a bad time": ({"source": {"start": {"timestamp": "yesterday"}}}, ["source.start", "yesterday"]),
    "a bad size": ({"sink": {"rotate": {"bytes": "12 parsecs"}}}, ["sink.rotate.bytes", "12 parsecs"]),
    "a bad duration": ({"sink": {"rotate": {"age": "soon"}}}, ["sink.rotate.age", "soon"]),
    "a number for text": ({"sink": {"bucket": 7}}, ["sink.bucket"]),
    "a bad bucket": ({"sink": {"bucket": "Lake!"}}, ["sink.bucket", "Lake!"]),
    "an unknown format": ({"sink": {"format": "parkay"}}, ["sink.format", "parkay", "parquet"]),
    "a format not built": ({"sink": {"format": "avro"}}, ["sink.format", "not supported yet"]),
    "a decoder not built": ({"decode": {"format": "avro"}}, ["decode.format", "not supported yet"]),
    "Parquet without columns": ({"sink": {"format": "parquet"}}, ["sink.columns"]),
    "a bad column type": ({"sink": {"format": "parquet", "columns": [{"name": "a", "type": "bigfloat"}]}},
                          ["columns", "bigfloat"]),
    "the same column twice": ({"sink": {"format": "parquet", "columns": [{"name": "a", "type": "string"}] * 2}},
                              ["columns"]),
    "a key that climbs out": ({"sink": {"key": "data/../{unique}.{ext}"}}, ["sink.key", ".."]),
    "a key without a name of its own": ({"sink": {"key": "data/{topic}.{ext}"}}, ["sink.key", "{unique}"]),
    "an unknown placeholder": ({"sink": {"key": "data/{tpoic}-{unique}.{ext}"}}, ["sink.key", "tpoic"]),
    "a key that begins with a field": ({"sink": {"key": "{field:a}/{unique}.{ext}"}}, ["sink.key"]),
    "a bad ratio": ({"dead_letter": {"max_ratio": 7}}, ["dead_letter.max_ratio", "7"]),
    "no place for dead letters": ({"dead_letter": {"s3": False}}, ["dead_letter"]),
    "at least once": ({"delivery": "at_least_once"}, ["delivery"]),
    "a secret in the job": ({"source": {"properties": {"sasl.password": "hunter2"}}}, ["source.properties"]),
    "a key among the fleet's own objects": ({"sink": {"key": "_landfall/workers/{topic}-{unique}.{ext}"}},
                                            ["sink.key", "_landfall/"]),
    "letters among the fleet's own objects": ({"dead_letter": {"s3": "_landfall/workers/"}}, ["dead_letter.s3"]),
    "an owner that nobody registered": ({"sink": {"expected_bucket_owner": "000000000000"}},
                                        ["sink.expected_bucket_owner", "000000000000"]),
    "no workers": ({"max_workers": 0}, ["max_workers"]),
    "several sources": ({"sources": []}, ["sources"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_JOBS)
def test_a_bad_job_is_refused_with_its_field(shared, case):
    changes, words = BAD_JOBS[case]
    job = json.loads(json.dumps(GOOD))
    merge(job, json.loads(json.dumps(changes)))
    for path in ("/v1/jobs", "/v1/jobs/validate"):
        answer = shared.request("POST", path, json=job)
        is_problem(answer, 422 if path == "/v1/jobs" else (200, 422))
        for word in words:
            assert word in answer.text, f"{path}: {word!r} is not in {answer.text}"
        assert "hunter2" not in answer.text


# What only the real parts know: (what is changed in a good job, status, words)
BAD_PARTS = {
    "a topic that does not exist": ({"source": {"topics": ["no-such-topic"]}}, 422, ["source.topics", "no-such-topic"]),
    "a bucket that does not exist": ({"sink": {"bucket": "lake-absent"}}, 422, ["sink.bucket", "lake-absent"]),
    "a cluster that does not answer": ({"source": {"cluster": "away"}}, 503, ["cluster away"]),
    "a cluster that does not answer, and a bucket that does not exist":
        ({"source": {"cluster": "away"}, "sink": {"bucket": "lake-absent"}}, 422, ["sink.bucket", "lake-absent"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_PARTS)
def test_a_job_of_parts_that_are_not_there_is_refused_in_time_and_leaves_nothing(shared, case):
    changes, status, words = BAD_PARTS[case]
    job = json.loads(json.dumps(GOOD))
    merge(job, json.loads(json.dumps(changes)))
    answer = shared.request("POST", "/v1/jobs", json=job)
    is_problem(answer, status)
    for word in words:
        assert word in answer.text, f"{word!r} is not in {answer.text}"
    assert shared.request("GET", "/v1/jobs/table").status_code == 404


def test_all_mistakes_are_told_at_once(shared):
    job = {"name": "Bad Name", "source": {"cluster": "main", "topics": ["b a d"]}, "sink": {"bucket": "!", "fromat": 1}}
    answer = shared.request("POST", "/v1/jobs", json=job)
    is_problem(answer, 422)
    for word in ("name", "source.topics", "sink.bucket", "fromat"):
        assert word in answer.text
    assert len(answer.json()["errors"]) >= 4


# (method, path, options, status)
BAD_REQUESTS = {
    "not JSON": ("POST", "/v1/jobs", {"data": "{broken", "headers": {"Content-Type": "application/json"}}, (400, 422)),
    "an empty body": ("POST", "/v1/jobs", {"data": "", "headers": {"Content-Type": "application/json"}}, (400, 422)),
    "a list": ("POST", "/v1/jobs", {"json": []}, (400, 422)),
    "another media type": ("POST", "/v1/jobs", {"data": "x", "headers": {"Content-Type": "image/png"}}, 415),
    "deep nesting": ("POST", "/v1/jobs", {"data": "[" * 100_000, "headers": {"Content-Type": "application/json"}}, (400, 422)),
    "not UTF-8": ("POST", "/v1/jobs", {"data": b"\xff\xfe", "headers": {"Content-Type": "application/json"}}, (400, 422)),
    "too long": ("POST", "/v1/jobs", {"data": b" " * 8_000_000, "headers": {"Content-Type": "application/json"}}, 413),
    "an unknown job": ("GET", "/v1/jobs/nobody", {}, 404),
    "the status of an unknown job": ("GET", "/v1/jobs/nobody/status", {}, 404),
    "pausing an unknown job": ("POST", "/v1/jobs/nobody/pause", {}, 404),
    "deleting an unknown job": ("DELETE", "/v1/jobs/nobody", {}, 404),
    "an unknown action": ("POST", "/v1/jobs/nobody/explode", {}, 404),
    "an unknown path": ("GET", "/v1/jbos", {}, 404),
    "another unknown path": ("GET", "/no/such/path", {}, 404),
    "a name that is none": ("GET", "/v1/jobs/No%20Name", {}, (400, 404, 422)),
    "a name that climbs": ("GET", "/v1/jobs/..%2f..%2fsecret", {}, (400, 404, 422)),
    "another method": ("PATCH", "/v1/jobs", {"json": {}}, 405),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_bad_request_gets_a_problem_document(shared, case):
    method, path, options, status = BAD_REQUESTS[case]
    is_problem(shared.request(method, path, **options), status)


def is_problem(answer, status):
    statuses = status if isinstance(status, tuple) else (status,)
    assert answer.status_code in statuses, f"{answer.status_code} {answer.text}"
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.headers
        told = answer.json()
        assert told["status"] == answer.status_code
        assert told["title"]


@pytest.mark.parametrize(("path", "kind"), [
    ("/livez", ""), ("/readyz", ""), ("/healthz", ""), ("/metrics", "text/plain"), ("/openapi.json", "application/json"),
])  # fmt: skip
def test_the_paths_for_machines_answer(shared, path, kind):
    answer = shared.request("GET", path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(kind)


def test_the_openapi_document_has_every_path(shared):
    told = shared.request("GET", "/openapi.json").json()
    assert told["openapi"].startswith("3.1")
    wanted = {"/v1/jobs", "/v1/jobs/{name}", "/v1/jobs/validate", "/v1/jobs/{name}/status"}
    wanted |= {"/v1/jobs/{name}/{action}"}  # pause, resume, stop, restart
    assert set(told["paths"]) >= wanted, sorted(wanted - set(told["paths"]))


def test_a_job_is_created_read_changed_and_deleted(kafka, make_topic, fleet, new_job):
    topic = make_topic()
    produce(kafka.bootstrap, topic, numbered(10))
    fleet.run()
    job = new_job(topic)
    name = job["name"]
    created = fleet.create(job)
    assert created.headers["Location"].endswith(f"/v1/jobs/{name}")
    is_problem(fleet.request("POST", "/v1/jobs", json={**job, "max_workers": 3}), 409)
    listed = fleet.request("GET", "/v1/jobs")
    assert name in listed.text
    read = fleet.request("GET", f"/v1/jobs/{name}")
    tag = read.headers["ETag"]
    assert read.status_code == 200
    is_problem(fleet.request("PUT", f"/v1/jobs/{name}", json=job, headers={"If-Match": '"nonsense"'}), 412)
    changed = fleet.request("PUT", f"/v1/jobs/{name}", json={**job, "max_workers": 3}, headers={"If-Match": tag})
    assert changed.status_code == 200, changed.text
    assert changed.headers["ETag"] != tag
    is_problem(fleet.request("PUT", f"/v1/jobs/{name}", json=job, headers={"If-Match": tag}), 412)
    is_problem(fleet.request("PUT", f"/v1/jobs/{name}", json={**job, "name": "another"}), 422)
    fleet.wait_drained(name, records=10)
    assert fleet.request("DELETE", f"/v1/jobs/{name}").ok
    fleet_forgets(fleet, name)


def fleet_forgets(fleet, name, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while fleet.request("GET", f"/v1/jobs/{name}").status_code != 404:
        assert time.monotonic() < deadline, f"{name} is still there {timeout_s} s after its deletion"
        time.sleep(0.3)


def test_the_same_create_sent_again_gets_the_same_answer(make_topic, fleet, new_job):
    fleet.api()
    job = new_job(make_topic())
    headers = {"Idempotency-Key": f"key-{job['name']}"}
    first = fleet.request("POST", "/v1/jobs", json=job, headers=headers)
    again = fleet.request("POST", "/v1/jobs", json=job, headers=headers)
    assert first.status_code == 201 and again.status_code in (200, 201), again.text
    assert first.json()["uid"] == again.json()["uid"]
    other = fleet.request("POST", "/v1/jobs", json={**job, "max_workers": 2}, headers=headers)
    is_problem(other, (409, 422))


def test_two_apis_at_once_do_not_lose_an_update(kafka, s3, bucket, make_topic, fleet, new_job):
    topic = make_topic()
    job = new_job(topic)
    name = job["name"]
    fleet.api()
    with Fleet(kafka, s3, bucket) as second:
        second.api()
        fleet.create(job)

        def add_label(number):
            """Reads, adds one label, writes with If-Match; again until no other writer came between."""
            api = (fleet, second)[number % 2]
            for _ in range(200):
                read = api.request("GET", f"/v1/jobs/{name}")
                spec = spec_of(read.json())
                spec["labels"] = {**spec.get("labels", {}), f"writer-{number}": "was here"}
                answer = api.request("PUT", f"/v1/jobs/{name}", json=spec, headers={"If-Match": read.headers["ETag"]})
                if answer.status_code == 200:
                    return
                assert answer.status_code in (409, 412), answer.text
            raise AssertionError("200 tries and always another writer")

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(add_label, range(24)))
        found = spec_of(second.request("GET", f"/v1/jobs/{name}").json())["labels"]
        assert set(found) == {f"writer-{number}" for number in range(24)}


def spec_of(answer):
    return answer.get("spec", answer)


def test_a_name_is_created_once_by_two_apis(kafka, s3, bucket, make_topic, fleet, new_job):
    job = new_job(make_topic())
    fleet.api()
    with Fleet(kafka, s3, bucket) as second:
        second.api()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            requests = [
                pool.submit(api.request, "POST", "/v1/jobs", json={**job, "max_workers": 1 + number})
                for number, api in enumerate([fleet, second] * 4)
            ]
            codes = sorted(request.result().status_code for request in requests)
        others = [request.result().text for request in requests if request.result().status_code not in (201, 409)]
        assert codes == [201] + [409] * 7, "\n".join(others)


TOKEN = "a-token-long-enough-to-be-one-0123456789"


def test_a_token_is_asked_for_and_never_told(kafka, s3, bucket, make_topic, new_job):
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    auth = {"mode": "token", "tokens": [{"name": "ci", "sha256": digest, "role": "operator"}]}
    with Fleet(kafka, s3, bucket, config={"api": {"auth": auth}}) as fleet:
        fleet.api()
        is_problem(fleet.request("GET", "/v1/jobs"), 401)
        assert fleet.request("GET", "/v1/jobs").headers["WWW-Authenticate"].startswith("Bearer")
        fleet.token = "wrong" + TOKEN
        is_problem(fleet.request("POST", "/v1/jobs", json=new_job(make_topic())), 401)
        fleet.token = TOKEN
        assert fleet.request("GET", "/v1/jobs").status_code == 200
        fleet.create(new_job(make_topic()))
        fleet.token = None
        assert fleet.request("GET", "/livez").status_code == 200, "health needs no token"
        assert TOKEN not in fleet.servers[0].log()


def test_no_auth_on_an_open_address_is_refused(kafka, s3, bucket):
    with Fleet(kafka, s3, bucket, config={"api": {"listen": "0.0.0.0:18080"}}) as fleet:
        done = fleet.command("api", "--config", fleet.config_path, timeout_s=20)
        assert done.returncode == 2
        assert "auth" in done.stderr and "0.0.0.0:18080" in done.stderr

"""Two thousand jobs. Times are printed (`-s`), not judged: they are the machine's; requests and memory are judged."""

import concurrent.futures
import json
import time

import requests

from e2e.landfall import until

JOBS = 2_000


def s3_requests(url):
    """Attempts by operation since the process began."""
    counts = {}
    for line in requests.get(f"{url}/metrics", timeout=10).text.splitlines():
        if line.startswith("landfall_s3_requests_total{"):
            operation = line.split('operation="')[1].split('"')[0]
            counts[operation] = counts.get(operation, 0) + int(float(line.rsplit(" ", 1)[1]))
    return counts


def resident_mib(server):
    with open(f"/proc/{server.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * 4096 / (1 << 20)


def test_two_thousand_jobs_are_listed_changed_and_cost_little(s3, bucket, make_topic, fleet, new_job):
    topic = make_topic(partitions=1)
    api = fleet.api()
    model = new_job(topic, pool="elsewhere")
    fleet.create(model)
    key = f"_landfall/jobs/{model['name']}.json"
    record = json.loads(s3.client().get_object(Bucket=bucket, Key=key)["Body"].read())

    def copy(number):
        """As the API wrote the first one, under other names and for a pool that nobody runs."""
        name = f"copy-{number:04}"
        spec = {**record["spec"], "name": name, "team": f"team-{number % 20}"}
        body = json.dumps({**record, "name": name, "uid": f"{number:032x}", "spec": spec})
        s3.client().put_object(Bucket=bucket, Key=f"_landfall/jobs/{name}.json", Body=body.encode())

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(copy, range(JOBS - 1)))

    def listed(**words):
        names, cursor = [], None
        while True:
            page = fleet.request("GET", "/v1/jobs", params={"limit": 500, "cursor": cursor, **words})
            assert page.ok, page.text
            names += [job["name"] for job in page.json()["jobs"]]
            cursor = page.json().get("next_cursor")
            if cursor is None:
                return names

    assert len(set(listed())) == JOBS
    assert len(listed(team="team-7")) == 100
    before, resident = s3_requests(fleet.url), resident_mib(api)
    times = []
    for _ in range(40):
        began = time.monotonic()
        page = fleet.request("GET", "/v1/jobs", params={"limit": 100})
        times.append(time.monotonic() - began)
        assert len(page.json()["jobs"]) == 100
    after, grown = s3_requests(fleet.url), resident_mib(api) - resident
    times.sort()
    print(f"a page of 100 of {JOBS} jobs: median {times[20] * 1e3:.0f} ms, slowest {times[-1] * 1e3:.0f} ms; "
          f"{resident:.0f} MiB, {grown:+.1f} after 40 lists")  # fmt: skip
    spent = {operation: count - before.get(operation, 0) for operation, count in after.items()}
    # Two pages of S3's list hold 2,000 keys; what has not changed is not read again.
    assert sum(spent.values()) <= 40 * 3, spent
    assert grown < 20, f"{grown} MiB more after 40 lists"

    worker = fleet.worker()
    job = new_job(topic)
    fleet.create(job)
    fleet.wait(job["name"], lambda status: status["applied_config_version"] == 1, "run by a worker", 60)
    changes = []
    for age in ("3s", "4s", "5s"):
        answer = fleet.request("PATCH", f"/v1/jobs/{job['name']}", json={"sink": {"rotate": {"age": age}}},
                               headers={"Content-Type": "application/merge-patch+json"})  # fmt: skip
        assert answer.ok, answer.text
        wanted = answer.json()["config_version"]
        changes.append(
            until(lambda: fleet.status(job["name"])["applied_config_version"] == wanted, "the worker at the change", 30)
        )
    print(f"a change of one of {JOBS} jobs reaches its worker in {max(changes):.1f} s at most; {worker.pid=}")


def test_a_thousand_creates_at_once_are_each_answered_and_none_is_lost(make_topic, fleet, new_job):
    topic = make_topic(partitions=1)
    fleet.api()
    model = new_job(topic, pool="elsewhere")
    answers = {}

    def create(number):
        """Every name twice. What is asked to come again, as by a client that is told when, comes again."""
        name = f"at-once-{number % 500:03}"
        statuses = []
        while not statuses or statuses[-1] in (429, 503, 504):
            assert len(statuses) < 60, f"{name} was never decided: {statuses}"
            if statuses:
                time.sleep(min(2.0, float(answer.headers.get("Retry-After", "1"))))
            answer = fleet.request("POST", "/v1/jobs", json={**model, "name": name})
            statuses.append(answer.status_code)
            if not answer.ok:
                assert answer.json()["type"].startswith("/problems/"), answer.text
        answers.setdefault(name, []).append(statuses[-1])
        return statuses

    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        rounds = list(pool.map(create, range(1_000)))
    assert len(answers) == 500
    odd = {name: two for name, two in answers.items() if sorted(two) != [201, 409]}
    assert not odd, odd
    print(f"a thousand creates: {sum(len(statuses) - 1 for statuses in rounds)} were asked to come again")
    listed = set()
    cursor = None
    while True:
        page = fleet.request("GET", "/v1/jobs", params={"limit": 500, "cursor": cursor}).json()
        listed |= {job["name"] for job in page["jobs"]}
        cursor = page.get("next_cursor")
        if cursor is None:
            break
    assert listed == set(answers)

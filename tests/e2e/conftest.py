"""Fixtures of the end-to-end tests."""

import pytest
from checker import check, read_source

from e2e.landfall import Fleet, job


@pytest.fixture
def fleet(kafka, s3, bucket):
    """An installation with nothing started."""
    with Fleet(kafka, s3, bucket) as installation:
        yield installation


@pytest.fixture
def verify(kafka, s3, bucket):
    """verify(topics, job name, ...) compares the topics with the bucket by the independent checker."""

    def run(topics, name, *, read=None, **options):
        topics = topics if isinstance(topics, list) else [topics]
        source = read_source(kafka.internal_bootstrap, topics, keep_values=True, **(read or {}))
        options = {"data_prefix": "data/", "dead_letters": f"_landfall-dlq/{name}/", **options}
        return check(source, s3.client(), bucket, **options)

    return run


@pytest.fixture
def new_job(fresh, bucket):
    """new_job(topics, **changes): a job document with a fresh name, quick rotation, the test's own bucket."""

    def make(topics, **changes):
        return job(fresh("job"), topics, bucket, **changes)

    return make

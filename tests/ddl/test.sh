#!/usr/bin/env bash
# The tables of infra/ddl's golden jobs in an emulator of S3, Glue and Athena. Words go to pytest: tests/ddl/test.sh -k parquet
# Needs python3 with venv; installs its own environment under .cache/ddl-venv on the first run.
set -euo pipefail
cd "$(dirname "$0")/../.."

. tests/ddl/environment.sh
ddl_environment
PYTHONDONTWRITEBYTECODE=1 exec .cache/ddl-venv/bin/python -m pytest -c tests/ddl/pytest.ini tests/ddl "$@"

#!/usr/bin/env bash
# The tables of infra/ddl's golden jobs in an emulator of S3, Glue and Athena. Words go to pytest: tests/ddl/test.sh -k parquet
# Needs python3 with venv; installs its own environment under .cache/ddl-venv on the first run.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly ENVIRONMENT=.cache/ddl-venv REQUIREMENTS=tests/ddl/requirements.txt
if ! cmp -s "$REQUIREMENTS" "$ENVIRONMENT/requirements.txt"; then
  rm -rf "$ENVIRONMENT"
  python3 -m venv "$ENVIRONMENT"
  "$ENVIRONMENT/bin/pip" install -q --disable-pip-version-check -r "$REQUIREMENTS"
  cp "$REQUIREMENTS" "$ENVIRONMENT/requirements.txt"
fi
PYTHONDONTWRITEBYTECODE=1 exec "$ENVIRONMENT/bin/python" -m pytest -c tests/ddl/pytest.ini tests/ddl "$@"

#!/usr/bin/env bash
# What a fleet on one machine needs beside the binary and Python's packages: the emulator in its environment, Kafka's jars,
# the CDK app. Needs python3, node 20 or later, maven; PyPI, npm's registry, Maven Central. Costs little when it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

. tests/ddl/environment.sh
ddl_environment
PYTHONPATH=tests python3 -m parts install --kafka
cd cdk
# As test.sh there tells it.
if ! cmp -s package-lock.json node_modules/.installed-lock 2>/dev/null; then
  npm ci --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.installed-lock
fi
npm run --silent build

#!/usr/bin/env bash
# The CDK app, built: needs node 20 or later and npm's registry. Costs little when it is there.
set -euo pipefail
cd "$(dirname "$0")/../../cdk"

# As test.sh there tells it.
if ! cmp -s package-lock.json node_modules/.installed-lock 2>/dev/null; then
  npm ci --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.installed-lock
fi
npm run --silent build

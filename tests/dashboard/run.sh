#!/usr/bin/env bash
# The dashboard in a real browser, with the real binary behind it, from a clean checkout.
#
#   tests/dashboard/run.sh                    all of it; needs node 20, chromium and a built target/debug/landfall
#   tests/dashboard/run.sh job.test.js        one file
#
# LANDFALL_BINARY and CHROMIUM name other binaries. Pictures and logs: target/test-logs/dashboard/.
set -euo pipefail
cd "$(dirname "$0")"

export CHROMIUM="${CHROMIUM:-/usr/bin/chromium}"
export LANDFALL_BINARY="${LANDFALL_BINARY:-../../target/debug/landfall}"
missing() {
  echo "$1" >&2
  exit 1
}
command -v node >/dev/null && command -v npm >/dev/null \
  || missing "node or npm is missing; install them, on Debian: apt-get install nodejs npm"
[[ -x "$CHROMIUM" ]] \
  || missing "chromium is missing at $CHROMIUM; install it, on Debian: apt-get install --no-install-recommends chromium"
[[ -x "$LANDFALL_BINARY" ]] || missing "$LANDFALL_BINARY is missing; build it: cargo build"

# Told apart by what is installed: npm ci takes a while for nothing when it was run before.
if ! cmp -s package-lock.json node_modules/.installed-lock; then
  npm ci --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/.installed-lock
fi
(($#)) || set -- units.test.js overview.test.js job.test.js parts.test.js create.test.js docs.test.js sign_in.test.js
# One after the other: each starts a system of its own.
exec node --test --test-concurrency=1 --test-reporter=spec --test-timeout=600000 "$@"

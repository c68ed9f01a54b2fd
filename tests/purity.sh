#!/usr/bin/env bash
# The pure crates stay pure: they do no I/O and know no runtime, no AWS, no Kafka client. What a crate cannot reach in its
# dependency tree it cannot use; what the standard library offers is forbidden by the clippy.toml beside each crate.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PURE=(landfall-job landfall-commit landfall-format landfall-connect landfall-scale landfall-ddl)
# (arrow hashes with a random seed of its own: getrandom is in the tree and in nobody's hands.)
readonly FORBIDDEN='^(tokio|tokio-.*|async-.*|futures-executor|aws-.*|rdkafka|rdkafka-sys|hyper|hyper-.*|reqwest|axum|s3s|mio|socket2|rand)$'
# Only these of our own crates may be below a pure one.
readonly OWN='^(landfall-job|landfall-commit|landfall-format|landfall-connect|landfall-scale|landfall-ddl)$'

failed=0
for crate in "${PURE[@]}"; do
  tree="$(cargo tree --locked --quiet --package "$crate" --edges normal,build --prefix none --format '{p}' | awk '{print $1}' | sort -u)"
  if found="$(grep -E "$FORBIDDEN" <<<"$tree")"; then
    echo "$crate is pure and depends on: ${found//$'\n'/, }; cargo tree -p $crate -i NAME shows how" >&2
    failed=1
  fi
  if found="$(grep -E '^landfall' <<<"$tree" | grep -Ev "$OWN")"; then
    echo "$crate is pure and depends on ${found//$'\n'/, }, which is not" >&2
    failed=1
  fi
  folder="$(cargo metadata --locked --no-deps --format-version 1 | python3 -c '
import json, os, sys
print(next(os.path.dirname(p["manifest_path"]) for p in json.load(sys.stdin)["packages"] if p["name"] == sys.argv[1]))' "$crate")"
  if ! grep -q 'std::time::SystemTime::now' "$folder/clippy.toml"; then
    echo "$crate is pure and has no clippy.toml that forbids clocks" >&2
    failed=1
  fi
done
exit "$failed"

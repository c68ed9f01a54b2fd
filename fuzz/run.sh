#!/usr/bin/env bash
# Runs one fuzzer for a time. New inputs that reach new code stay in fuzz/target/corpus/TARGET, not in fuzz/corpus: what
# is worth keeping is put there by hand, small and with a name. A finding is written to fuzz/artifacts/TARGET.
#
#   fuzz/run.sh TARGET SECONDS
#
# Needs a nightly toolchain and `cargo install cargo-fuzz --locked`.
set -euo pipefail
cd "$(dirname "$0")"

readonly target="${1:?which target? one of: $(basename -s .rs -a fuzz_targets/*.rs | tr '\n' ' ')}" seconds="${2:-60}"
[[ -e "fuzz_targets/$target.rs" ]] || { echo "no target $target; there are: $(basename -s .rs -a fuzz_targets/*.rs | tr '\n' ' ')" >&2; exit 2; }

# Only what this target needs is built.
features="$(sed -n "/^name = \"$target\"/,/^\$/s/^required-features = \[\"\(.*\)\"\]/\1/p" Cargo.toml)"
mkdir -p "target/corpus/$target"
exec cargo +nightly fuzz run --fuzz-dir . ${features:+--features "$features"} "$target" "target/corpus/$target" "corpus/$target" -- \
  -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1

# Every habit is one recipe. `just` alone lists them.

set shell := ["bash", "-euo", "pipefail", "-c"]

python := ".cache/venv/bin/python"
export PYTHONPATH := "tests"

_default:
    @just --list --unsorted

# The whole system in one process, nothing installed: objects appear under ./landfall-data
dev *words:
    cargo run -p landfall -- dev {{words}}

# Every test layer, or the named ones: lints unit real instructions embedded readers cdk fleet browser
test *layers:
    ./test {{layers}}

# Unit and property tests of one crate: `just unit landfall-commit`
unit crate *words:
    cargo test -p {{crate}} {{words}}

# The protocol as an explicit-state model, deeper than in every run: states per plan, and a schedule for each rule taken
# away
model:
    LANDFALL_MODEL=deep cargo test --release -p landfall-commit --test model -- --nocapture --test-threads 1

# Simulated schedules of the real engine and I/O code: `just simulate 100000`; a seed that failed: `just seed 17`
simulate runs="10000" from="0":
    LANDFALL_SIM_RUNS={{runs}} LANDFALL_SIM_FROM={{from}} cargo test --workspace --test simulation -- --nocapture no_schedule

seed number:
    LANDFALL_SIM_SEED={{number}} cargo test --workspace --test simulation -- --nocapture no_schedule

# How wide one log is: entries a second and append times with up to 100 writers, for docs/decisions/0003
lanes:
    cargo test --workspace --test simulation -- --ignored --nocapture one_log_and_many_writers

# Every fault point with everything that can happen there, and a second crash; writes docs/crash-matrix.md
matrix:
    LANDFALL_SIM_MATRIX=deep UPDATE_GOLDEN=1 cargo test --workspace --test simulation -- --nocapture every_cell

# End-to-end tests by name on real Kafka and versitygw: `just e2e poison`
e2e name:
    ./test real -k {{name}}

# Format, lints, purity of the pure crates, licences and sources
lints:
    ./test lints

# Mend what can be mended by a tool
fix:
    cargo fmt --all
    cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged

# Kafka and versitygw until Ctrl-C; prints the variables that tests read
up *words="--kafka --s3":
    python3 -m parts up {{words}}

# A command with Kafka and versitygw beside it: `just with cargo test -p landfall-kafka`
with *command:
    python3 -m parts run --kafka --secure --s3 -- {{command}}

# The S3 tests and the store faults on MinIO, the second opinion (its build takes minutes)
minio:
    python3 -m parts run --minio -- cargo test -p landfall-s3
    LANDFALL_TEST_S3=minio ./test real -k "store_faults or one_machine or formats or object_options"

# The checker on any topic and bucket: `just check --bootstrap ... --topic ... --bucket ...`
check *words:
    {{python}} -m checker {{words}}

# Chaos on real binaries: everything is killed, frozen and lied to, then all is compared: `just chaos --minutes 60 --evidence`
chaos *words:
    cargo build --locked --workspace --all-targets
    {{python}} -m chaos {{words}}

# Known vulnerabilities in dependencies; needs a network
advisories:
    .cache/bin/cargo-deny check advisories

# The side-by-side with the bare consume loop, on real Kafka and versitygw
bench *words:
    cargo build --release -p landfall-bench
    python3 -m parts run --kafka --s3 -- target/release/landfall-bench {{words}}

# The same with Kafka Connect's own file sink as a peer: the floor of every Connect sink
bench-peer *words:
    just bench all --peer '"python3 bench/peer_connect.py"' {{words}}

# What a worker costs at a size, on real Kafka and S3: `just scale start long_log`; names: `ls bench/scale`, or none for the page
scale *names:
    {{python}} bench/scale/run.py {{names}} --page docs/evidence/scale-2026-11-27.md

# Instructions a record in the hot loops, beside those that are committed; `just instructions --write` commits others
instructions *words:
    cargo build --locked --workspace --all-targets
    python3 bench/instructions.py {{words}}

# What a terabyte costs, from the figures and prices in bench/cost.py
cost:
    python3 bench/cost.py > docs/cost.md

# The runtime image from a binary built on this machine, and a check that it runs; see tests/image.sh
image profile="release":
    tests/image.sh {{profile}}

# The image's list of parts (SBOM), CycloneDX, from Cargo.lock: target/image/sbom.cdx.json
sbom target="x86_64-unknown-linux-gnu":
    mkdir -p target/image
    python3 container/sbom.py {{target}} > target/image/sbom.cdx.json

# The image from scratch, as a release is made
image-from-scratch:
    podman build --tag landfall .

# Bytes made up at random through one target, for so many seconds: `just fuzz log_entry 60`. Targets: `ls fuzz/fuzz_targets`
fuzz target seconds="60":
    fuzz/run.sh {{target}} {{seconds}}

# The same through each target in turn
fuzz-all seconds="60":
    for target in fuzz/fuzz_targets/*.rs; do fuzz/run.sh "$(basename "$target" .rs)" {{seconds}}; done

# The scaling decision on simulated loads, beside CPU tracking and a KEDA-style rule; writes the page and its plots
scaling directory="docs/evidence":
    cargo run --release -p landfall-scale --example scaling {{directory}}

# Years of a pool with lost zones, Spot reclaims, brown-outs and deploys, simulated; writes the page
years directory="docs/evidence":
    cargo run --release -p landfall-scale --example year {{directory}}

# What no test of the commit protocol notices: every small change of its code that the tests let pass. An hour or so;
# docs/mutants.md explains those that are known
mutants *words:
    CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=0 cargo mutants --package landfall-commit --output target {{words}}

# The tables of jobs in an emulator of Glue and Athena; three minutes
tables *words:
    tests/ddl/test.sh {{words}}

# A whole fleet: the template in an emulator of AWS, its tasks containers of the image; `./test fleet` is the short form
# without containers, as is `just fleet-short --evidence`
fleet *words:
    tests/image.sh release
    tests/fleet/prepare.sh
    LANDFALL_BIN=target/image/landfall {{python}} -m fleet --containers {{words}}

fleet-short *words:
    cargo build --locked -p landfall
    tests/fleet/prepare.sh
    {{python}} -m fleet {{words}}

# The golden files after a wanted change
golden:
    UPDATE_GOLDEN=1 cargo test --workspace

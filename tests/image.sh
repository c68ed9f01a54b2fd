#!/usr/bin/env bash
# Builds the runtime image from a binary built on this machine and checks that it runs as it is meant to: non-root,
# read-only root, no capabilities, SIGTERM as PID 1, health check, and what cdk/ relies on: an empty configuration, and
# scratch as a volume of the user. No registry of images is asked: the base is made with
# debootstrap from Debian's packages. Needs root and Debian; everything it makes lies under target/image/.
#
#   tests/image.sh [release|debug]
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PROFILE="${1:-release}"
readonly WORK="$PWD/target/image"
readonly BASE=docker.io/library/debian:bookworm-slim
mkdir -p "$WORK"

if ! (command -v podman && command -v buildah && command -v debootstrap) >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends buildah podman runc debootstrap netavark \
    aardvark-dns iptables fuse-overlayfs uidmap >/dev/null
fi

cat >"$WORK/containers.conf" <<EOF
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
EOF
cat >"$WORK/storage.conf" <<EOF
[storage]
driver = "overlay"
graphroot = "$WORK/storage"
runroot = "$WORK/run"
EOF
export CONTAINERS_CONF="$WORK/containers.conf" CONTAINERS_STORAGE_CONF="$WORK/storage.conf"

if ! podman image exists "$BASE"; then
  mirror="$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | head -1)"
  rm -rf "$WORK/rootfs"
  debootstrap --variant=minbase --include=ca-certificates bookworm "$WORK/rootfs" "$mirror" >"$WORK/debootstrap.log"
  # As Debian's slim images are: without package lists, documentation and translations, the licences kept.
  rm -rf "$WORK"/rootfs/var/cache/apt/* "$WORK"/rootfs/var/lib/apt/lists/* "$WORK"/rootfs/usr/share/{man,info,locale}/*
  find "$WORK/rootfs/usr/share/doc" -type f ! -name copyright -delete
  tar -C "$WORK/rootfs" -c . | podman import --quiet - "$BASE"
  rm -rf "$WORK/rootfs"
fi

if [[ "$PROFILE" == release ]]; then cargo build --locked --release -p landfall; else cargo build --locked -p landfall; fi
strip -o "$WORK/landfall" "target/$PROFILE/landfall"
version="$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)"
buildah build --quiet --pull=never --network=host --format docker --target prebuilt --build-arg BASE="$BASE" \
  --build-arg VERSION="$version" --build-arg REVISION="$(git rev-parse HEAD)" --tag landfall .

echo "the image: $(podman image inspect --format '{{.Size}}' landfall) bytes, the binary: $(stat -c %s "$WORK/landfall")"
# As a registry keeps it: its layers in gzip.
echo "the image, compressed: $(podman save --format oci-archive landfall | wc -c) bytes"
fail() { echo "$1" >&2; exit 1; }
label() { podman image inspect --format "{{index .Config.Labels \"org.opencontainers.image.$1\"}}" landfall; }
# Without the /tmp and /run in memory that --read-only would bring: only volumes can be written.
readonly RUN=(podman run --no-healthcheck --network=host --read-only --read-only-tmpfs=false --cap-drop all)
inside() { "${RUN[@]}" --rm --entrypoint "$1" landfall "${@:2}"; }
[[ "$(inside /usr/bin/id -u)" == 65532 ]] || fail "the image runs as root"
"${RUN[@]}" --rm landfall --version
[[ "$(label version)" == "$version" && "$(label revision)" == "$(git rev-parse HEAD)" ]] || fail "the labels are wrong"
[[ "$(inside /bin/cat /etc/landfall/fleet.yaml)" == "{}" ]] || fail "the image has no empty configuration"
[[ -z "$(inside /bin/ls -A /scratch)" ]] || fail "scratch is not empty"
inside /bin/touch /scratch/written || fail "the user cannot write to scratch"
! inside /bin/touch /tmp/written 2>/dev/null || fail "the root can be written to"

# A worker that is told everything by variables, as on Fargate, while its S3 and Kafka are away: it holds its scratch, is
# alive, and ends in order.
nowhere=(--env LANDFALL_CONFIG=/etc/landfall/fleet.yaml --env LANDFALL_STATE__BUCKET=lake --env LANDFALL_S3__REGION=us-east-1
  --env LANDFALL_S3__ENDPOINT=http://127.0.0.1:1 --env AWS_ACCESS_KEY_ID=none --env AWS_SECRET_ACCESS_KEY=none
  --env 'LANDFALL_CLUSTERS__MAIN={"bootstrap_servers": "127.0.0.1:1"}' --env LANDFALL_WORKER__SCRATCH__DIR=/scratch
  --env "LANDFALL_WORKER__LISTEN=127.0.0.1:$((30000 + RANDOM % 10000))")
worker="$("${RUN[@]}" --detach "${nowhere[@]}" landfall worker --pool nobody)"
trap 'podman rm --force --volumes --time 5 "$worker" >/dev/null' EXIT
for _ in $(seq 60); do
  podman exec "$worker" /usr/local/bin/landfall healthcheck && alive=yes && break
  sleep 1
done
[[ "${alive:-}" == yes ]] || { podman logs --tail 40 "$worker" >&2; fail "the worker did not get alive within 60 s"; }
owner="$(podman exec "$worker" /usr/bin/stat --format %u /scratch/landfall-scratch)"
[[ "$owner" == 65532 ]] || fail "the worker's scratch belongs to ${owner:-nobody}"
podman stop --time 100 "$worker" >/dev/null
code="$(podman inspect --format '{{.State.ExitCode}}' "$worker")"
[[ "$code" == 0 ]] || fail "SIGTERM ended a worker without S3 with code $code"

# The whole system in one container, on a data folder in memory: healthy, and ended by SIGTERM within its budget.
port=$((20000 + RANDOM % 10000))
container="$("${RUN[@]}" --detach --tmpfs /data:rw,mode=1777 --env LANDFALL_API__LISTEN="127.0.0.1:$port" landfall \
  dev --data /data --listen "127.0.0.1:$port")"
trap 'podman rm --force --volumes --time 5 "$worker" "$container" >/dev/null' EXIT
for _ in $(seq 60); do
  if podman exec "$container" /usr/local/bin/landfall healthcheck; then healthy=yes && break; fi
  sleep 1
done
[[ "${healthy:-}" == yes ]] || { podman logs --tail 40 "$container" >&2; fail "the container did not get healthy within 60 s"; }
podman stop --time 60 "$container" >/dev/null
code="$(podman inspect --format '{{.State.ExitCode}}' "$container")"
[[ "$code" == 0 ]] || fail "SIGTERM ended the process with code $code"
echo "image: passed"

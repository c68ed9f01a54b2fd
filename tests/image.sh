#!/usr/bin/env bash
# Builds the runtime image from a binary built on this machine and checks that it runs as it is meant to: non-root,
# read-only root, no capabilities, SIGTERM as PID 1, health check. No registry of images is asked: the base is made with
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
  tar -C "$WORK/rootfs" -c . | podman import --quiet - "$BASE"
  rm -rf "$WORK/rootfs"
fi

if [[ "$PROFILE" == release ]]; then cargo build --locked --release -p landfall; else cargo build --locked -p landfall; fi
strip -o "$WORK/landfall" "target/$PROFILE/landfall"
buildah build --quiet --pull=never --network=host --format docker --target prebuilt --build-arg BASE="$BASE" --tag landfall .

echo "the image: $(podman image inspect --format '{{.Size}}' landfall) bytes, the binary: $(stat -c %s "$WORK/landfall")"
readonly RUN=(podman run --no-healthcheck --network=host --read-only --cap-drop all)
[[ "$("${RUN[@]}" --rm --entrypoint /usr/bin/id landfall -u)" == 65532 ]] || { echo "the image runs as root" >&2; exit 1; }
"${RUN[@]}" --rm landfall --version

# The whole system in one container, on a data folder in memory: healthy, and ended by SIGTERM within its budget.
port=$((20000 + RANDOM % 10000))
container="$("${RUN[@]}" --detach --tmpfs /data:rw,mode=1777 --env LANDFALL_API__LISTEN="127.0.0.1:$port" landfall \
  dev --data /data --listen "127.0.0.1:$port")"
trap 'podman rm --force --time 5 "$container" >/dev/null' EXIT
for _ in $(seq 60); do
  if podman exec "$container" /usr/local/bin/landfall healthcheck; then healthy=yes && break; fi
  sleep 1
done
if [[ "${healthy:-}" != yes ]]; then
  podman logs --tail 40 "$container" >&2
  echo "the container did not get healthy within 60 s" >&2
  exit 1
fi
podman stop --time 60 "$container" >/dev/null
code="$(podman inspect --format '{{.State.ExitCode}}' "$container")"
[[ "$code" == 0 ]] || { echo "SIGTERM ended the process with code $code" >&2; exit 1; }
echo "image: passed"

# One small image with one binary; docs/image.md has its sizes, platforms and list of parts.
#
#   docker build --tag landfall .                                        built inside
#   docker build --tag landfall --target prebuilt --build-arg BASE=... . a binary from target/image/landfall; `just image`
#
# Run it with a read-only root and no capabilities; only /scratch and --data need a place to write:
#
#   docker run --read-only --cap-drop all --volume ./fleet.yaml:/etc/landfall/fleet.yaml:ro \
#     --env LANDFALL_CONFIG=/etc/landfall/fleet.yaml landfall worker
#
# The file in the image says nothing ({}): everything may come by LANDFALL_SECTION__FIELD instead, as on Fargate. The
# health check reads the same.

ARG BUILDER=docker.io/library/rust:1.95.0-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

# --- dependencies are a layer of their own: they are built again only when Cargo.lock changes
FROM ${BUILDER} AS chef
RUN cargo install cargo-chef --version 0.1.78 --locked
WORKDIR /src

FROM chef AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS build
COPY --from=plan /src/recipe.json recipe.json
RUN cargo chef cook --release --locked --package landfall --recipe-path recipe.json
COPY . .
RUN cargo build --release --locked --package landfall && strip target/release/landfall

# --- what runs: no shell is needed, the process handles signals as PID 1
FROM ${BASE} AS base
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="landfall" \
      org.opencontainers.image.description="Lands Kafka topics in S3 exactly once" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY LICENSE /usr/share/doc/landfall/LICENSE
COPY container/fleet.yaml /etc/landfall/fleet.yaml
# An empty folder: the base may have no shell to make one. A volume keeps its owner where nothing is mounted over it, and
# where Fargate mounts the task's disk.
COPY --chown=65532:65532 container/scratch /scratch
VOLUME /scratch
# The number, so that an orchestrator can prove it is not root.
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
# Asks the process of this container over loopback, by the address in its configuration, whether it is alive: one that
# waits for S3 or Kafka is not replaced. A load balancer asks /readyz.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["/usr/local/bin/landfall", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/landfall"]
CMD ["--help"]

FROM base AS prebuilt
COPY target/image/landfall /usr/local/bin/landfall

FROM base AS runtime
COPY --from=build /src/target/release/landfall /usr/local/bin/landfall

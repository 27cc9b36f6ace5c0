#!/usr/bin/env bash
# Makes the figures of docs/benchmarks.md's "Containers": what mode `container` adds to the containers' own start, its tear-down,
# how soon a partition is there, and what twenty runs leave on the engine. Needs Rust, python3, Docker Engine and the image
# debian:bookworm-slim (fixtures/images/base.sh). Nothing else should run on the machine or the engine meanwhile.
#   docs/benchmarks/containers.sh [start|partition|twenty]...      default: all of them
# PAIRS (10) says how often each start is measured; HARNESS names another binary.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [[ -z ${HARNESS:-} ]]; then cargo build --release --quiet -p harness; HARNESS=target/release/harness; fi
if [[ $# == 0 ]]; then set -- start partition twenty; fi
for part in "$@"; do python3 docs/benchmarks/containers.py "$part" "$(realpath "$HARNESS")" "${PAIRS:-10}"; done

#!/usr/bin/env bash
# Makes the figures of docs/benchmarks.md's "Fault proxy": `harness proxy` without toxics beside a bare forwarder, interleaved,
# each on a core of its own between wrk and nginx, or between a sender and a receiver of bulk. Needs Rust, a C compiler, python3
# and Debian's wrk and nginx-light, three cores, and a machine that does nothing else: pairs in which it did are dropped.
# PAIRS (10) and SECONDS_EACH (4) say how often and how long.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [[ -z ${HARNESS:-} ]]; then cargo build --release --quiet -p harness; HARNESS=target/release/harness; fi
mkdir -p target/benchmarks
cc -O2 -o target/benchmarks/forwarder docs/benchmarks/proxy/forwarder.c
python3 docs/benchmarks/proxy.py "$HARNESS" target/benchmarks/forwarder "${PAIRS:-10}" "${SECONDS_EACH:-4}"

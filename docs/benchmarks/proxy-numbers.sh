#!/usr/bin/env bash
# Makes the fault proxy's own figures for docs/benchmarks.md: how exact a delay and a rate are, what reading HTTP costs, and what many connections, proxies
# and changes of toxics do to the API. Needs Rust, and a machine that does nothing else: what another program takes shows in each
# of them. The last one needs 17 000 descriptors; with fewer it is given fewer connections.
set -euo pipefail
cd "$(dirname "$0")/../.."
ulimit -n "$(ulimit -Hn)"
cargo build --release --quiet -p harness-proxy --example numbers
numbers=target/release/examples/numbers
files=$(ulimit -n)
connections=4000
if [[ $files != unlimited && $files -lt 17000 ]]; then connections=$((files / 5)); fi
"$numbers" delay 100 30; echo
"$numbers" rate 10; echo
"$numbers" watched 10 2; echo
"$numbers" churn "$connections" 100 1000 30

#!/usr/bin/env bash
# Makes the figures of docs/benchmarks.md's "Load generator": the harness beside wrk, h2load, hey, oha and Goose, tools
# interleaved, one on a core, the server on another. Needs Rust, python3, curl and Debian's wrk, hey, nghttp2-client and
# nginx-light. Nothing else should run on the machine meanwhile: pairs in which it did are dropped.
#   docs/benchmarks/load.sh [table|rates|steps|engines|memory|tls|http2]...      default: all of them
# PAIRS (10) and SECONDS_EACH (4) say how often and how long; ONLY=text takes the lines of the table with that text.
set -euo pipefail
cd "$(dirname "$0")/../.."
parts=("${@:-table rates steps engines memory tls http2}")
wanted() { [[ " ${parts[*]} " == *" $1 "* ]]; }
here=docs/benchmarks/load tools=${TOOLS:-$PWD/target/benchmarks}
pairs=${PAIRS:-10} seconds=${SECONDS_EACH:-4}

if [[ -z ${HARNESS:-} ]]; then
  cargo build --release --quiet -p harness
  if wanted engines; then cargo build --release --quiet --manifest-path harness/goose/Cargo.toml --target-dir target --locked; fi
  HARNESS=target/release/harness
fi
[[ -n ${BENCH:-} ]] || { cargo build --release --quiet --manifest-path $here/Cargo.toml --features goose --target-dir "$tools/bench"; BENCH=$tools/bench/release; }
[[ -x $tools/bin/oha ]] || cargo install oha --locked --quiet --root "$tools"

for part in table rates steps engines memory tls http2; do
  if wanted $part; then python3 docs/benchmarks/load.py $part "$HARNESS" "$BENCH" "$tools/bin" "$pairs" "$seconds"; fi
done

#!/bin/sh
# Fuzzes the response decoder on a stable compiler: `./run.sh [seconds]`, 300 if none are given. What it finds lies in
# artifacts/. With a nightly compiler, `cargo fuzz run response` does the same with address checks.
set -e
cd "$(dirname "$0")"
host=$(rustc -vV | sed -n 's/^host: //p')
# What cargo-fuzz passes, without the sanitizer, which only a nightly compiler has.
counters="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
RUSTFLAGS="--cfg fuzzing $counters" cargo build --release --target "$host" --target-dir target
mkdir -p corpus/response artifacts/response
exec "target/$host/release/response" -artifact_prefix=artifacts/response/ -dict=response.dict -max_len=4096 \
    -timeout=5 -rss_limit_mb=1024 -max_total_time="${1:-300}" -print_final_stats=1 corpus/response seeds/response

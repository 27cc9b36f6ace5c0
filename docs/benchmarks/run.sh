#!/usr/bin/env bash
# Makes the figures of docs/benchmarks.md. Needs Rust, python3 and zstd; takes about 25 minutes on two cores, most of it
# two clean builds. Nothing else should run on the machine meanwhile.
#   docs/benchmarks/run.sh [build|check|report|minute|peers]...      default: all of them
set -euo pipefail
cd "$(dirname "$0")/../.."
parts=("${@:-build check report minute}")
wanted() { [[ " ${parts[*]} " == *" $1 "* ]]; }
say() { printf '%-58s %s\n' "$1" "$2"; }
seconds() { local from=$EPOCHREALTIME; "$@" >/dev/null 2>&1; python3 -c "print(f'{$EPOCHREALTIME - $from:.1f} s')"; }

if wanted build; then
  target=$(mktemp -d); trap 'rm -rf "$target"' EXIT
  say 'clean release build of harness' "$(CARGO_TARGET_DIR=$target seconds cargo build --release --timings)"
  cp "$target"/cargo-timings/cargo-timing.html docs/benchmarks/timings.html 2>/dev/null || true
  say 'clean test build of the workspace' "$(CARGO_TARGET_DIR=$target seconds cargo test --workspace --no-run)"
  touch harness/core/src/lib.rs
  say 'test build after touching one file of core' "$(CARGO_TARGET_DIR=$target seconds cargo test --workspace --no-run)"
fi

cargo build --release --quiet -p harness -p shop
harness=target/release/harness

if wanted check; then
  python3 - "$harness" <<'PY'
import statistics, subprocess, sys, time
def once(*arguments):
    begun = time.perf_counter(); subprocess.run([sys.argv[1], *arguments], capture_output=True, check=True)
    return (time.perf_counter() - begun) * 1e3
once("check")
times = [once("check") for _ in range(30)]
print(f"{'harness check on the bundled suite, 30 runs':58} median {statistics.median(times):.1f} ms, max {max(times):.1f} ms")
PY
fi

if wanted report; then
  cargo build --release --quiet -p harness-report --examples
  page=$(mktemp)
  for run in long hour; do
    printf '%s: ' "$run"
    for _ in 1 2 3 4 5; do target/release/examples/render "$run" "$page"; done
  done
  rm "$page"
fi

if wanted minute; then
  "$harness" run sustained --profile full --quiet >/dev/null || true
  run=$(ls -d reports/runs/*/ | tail -1)
  zstd -dcq "$run/events.ndjson.zst" | python3 -c '
import json, sys
ready = first = None; memory = cpu = ticks = 0; started = planned = 0
for line in sys.stdin:
    e = json.loads(line)
    kind = e["event"]
    if kind == "target_ready": ready = e["at_us"]
    if kind == "step_finished" and first is None: first = e["at_us"] - e["took_us"]
    if kind == "self_health": memory = max(memory, e["memory"]); cpu += e["cpu_generator"]; ticks += 1
    if kind == "load_tick" and "/" not in e["name"]: started += e.get("started", 0); planned += e.get("planned", 0)
print(f"{\"from target ready to the first request\":58} {(first - ready) / 1e3:.1f} ms")
print(f"{\"journeys started of planned in the minute\":58} {started} of {planned}")
print(f"{\"harness memory, largest resident figure of the run\":58} {memory / 1e6:.0f} MB")
print(f"{\"load generator, mean processor seconds per second\":58} {cpu / max(ticks, 1):.2f}")
'
fi


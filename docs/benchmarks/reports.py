#!/usr/bin/env python3
"""Figures of reports: the list of 1000 runs. Needs a release build
(`cargo build --release -p harness`), or HARNESS names another.

    docs/benchmarks/reports.py index [RUNS]      the list, of cards made up here: size, and the median and most of ten times
"""
import json, os, pathlib, random, statistics, subprocess, sys, tempfile, time
from datetime import datetime, timedelta

ROOT = pathlib.Path(__file__).resolve().parents[2]
HARNESS = os.environ.get("HARNESS", str(ROOT / "target/release/harness"))


def timed(*arguments):
    begun = time.perf_counter()
    subprocess.run([HARNESS, *arguments], check=True, capture_output=True)
    return time.perf_counter() - begun


def cards(folder, runs):
    """Folders of runs with a card each: four scenarios, two profiles, some that failed."""
    dice, at = random.Random(3), datetime(2026, 1, 1)
    scenarios = [("steady", 42_000), ("payments-slow", 240_000), ("orders-hangs", 91_000), ("parts-die", 130_000)]
    for n in range(runs):
        at += timedelta(minutes=dice.randint(20, 400))
        run, luck = f"{at:%Y%m%d-%H%M%S}-{n:04x}", dice.random()
        decision = "no-go" if luck < 0.12 else "conditional-go" if luck < 0.3 else "go"
        slow = dice.lognormvariate(0, 0.07) * (1.6 if decision == "no-go" else 1)
        played = [dict(name=name, end="completed", p95_us=int(us * slow), error_rate=0.02 if decision == "no-go" else 0.0)
                  for name, us in scenarios]
        own = folder / run
        own.mkdir(parents=True)
        (own / "card.json").write_text(json.dumps(dict(
            format=1, run=run, project="shop", date=f"{at:%Y-%m-%dT%H:%M:%S}+01:00", took_us=130_000_000,
            release=f"1.{n // 30}.0", variant=None, profile="ci" if n % 2 else "full", mode="process", kind="",
            workload=f"w{n % 2}", end="completed" if n % 17 else "cancelled", decision=decision, score=97.0,
            decided="" if decision == "go" else "steady: p99(browse) < 100ms",
            reason="" if decision == "go" else "saw 133 ms over 15904 samples", walks=[49, 49],
            p95_us=played[0]["p95_us"], error_rate=played[0]["error_rate"], scenarios=played)))
        (own / "report.html").write_text("a page")
        (own / "events.ndjson.zst").write_text("")


def index(runs=1000):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder) / "reports" / "runs"
        cards(folder, int(runs))
        times = sorted(timed("report", "--index", "--reports", str(folder)) for _ in range(10))
        pages = sorted(folder.parent.glob("index*.html"))
        sizes = ", ".join(f"{page.stat().st_size / 1e6:.2f}" for page in pages)
        print(f"list of {runs} runs: median {statistics.median(times):.3f} s, most {times[-1]:.3f} s; pages of {sizes} MB")


if __name__ == "__main__":
    commands = {"index": index}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])

#!/bin/sh
# The statistical benchmark of the regression verdicts: simulated runs of which it is known whether anything changed, judged by the
# method and by those in common use; how often a phase's interval holds the truth; and the time a comparison takes. Prints the
# tables of docs/benchmarks.md; about ten minutes of one core for 120 trials, 1000 by default.
#
#   docs/benchmarks/verdicts.sh [TRIALS] [SEED] [PART…]      parts: trials, stretches, speed
set -eu
cd "$(dirname "$0")/../.."
exec cargo run --release --quiet -p harness-core --example verdicts -- "$@"

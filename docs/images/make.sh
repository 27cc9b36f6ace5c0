#!/bin/sh
# Makes docs/images/report.png: the first screen of a report, 1280 pixels wide.
#   docs/images/make.sh [REPORT.html]      without one: of the newest run in reports/runs
set -eu
cd "$(dirname "$0")/../.."
page=${1:-$(find reports/runs -name report.html | sort | tail -n 1)}
if [ ! -f "$page" ]; then
    echo "no report: give one, or make one with 'harness run'" >&2
    exit 2
fi
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then
        browser=$name
        break
    fi
done
if [ -z "${browser:-}" ]; then
    echo "no chromium, chromium-browser or google-chrome on the path" >&2
    exit 3
fi
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
"$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$profile" \
    --window-size=1280,"${HEIGHT:-960}" --screenshot="$PWD/docs/images/report.png" \
    "file://$(realpath "$page")" >/dev/null 2>&1
ls -l docs/images/report.png

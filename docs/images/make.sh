#!/bin/sh
# Makes docs/images/report*.png: the first screen light, dark and on a phone, and what happened when; and compare.png of a
# page of `harness compare --output`, where one is named.
#   docs/images/make.sh [REPORT.html [COMPARE.html]]      without one: of the newest run in reports/runs
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
page=$(realpath "$page")
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

shot() {
    # $1 the image, $2 width and height, $3 what to open, and what else the browser is told.
    to=$PWD/docs/images/$1 size=$2 open=$3
    shift 3
    "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$profile" "$@" \
        --window-size="$size" --screenshot="$to" "file://$open" >/dev/null 2>&1
    ls -l "$to"
}
# A window has a least width, and is taken from its top; a frame in it is as narrow and as far down as it should.
frame() {
    # $1 the file, $2 width, $3 height, $4 fragment
    printf '<!doctype html><body style="margin:0"><iframe width=%s height=%s frameborder=0 src="file://%s%s"></iframe>' \
        "$2" "$3" "$page" "$4" >"$profile/$1"
}
frame phone.html 360 900 ""
shot report.png "1280,${HEIGHT:-960}" "$page"
shot report-dark.png "1280,${HEIGHT:-960}" "$page" --blink-settings=preferredColorScheme=0
shot report-phone.png 500,900 "$profile/phone.html"
incident=$(grep -o 'id="[^"]*-incident"' "$page" | head -n 1 | cut -d '"' -f 2)
if [ -n "$incident" ]; then
    frame incident.html 1280 1000 "#$incident"
    shot report-incident.png 1280,1000 "$profile/incident.html"
fi
if [ -n "${2:-}" ]; then
    shot compare.png 1280,1000 "$(realpath "$2")"
fi

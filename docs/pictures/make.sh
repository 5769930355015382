#!/bin/sh
# Makes docs/pictures/report.png, the picture in the README, from a report: docs/pictures/make.sh REPORT.html [PICTURE.png]
# Needs Chromium (Debian: apt-get install chromium). The browser gets a profile of its own, and asks nothing of the network.
set -eu

[ $# -ge 1 ] || { echo "usage: $0 REPORT.html [PICTURE.png]" >&2; exit 2; }
[ -f "$1" ] || { echo "$0: there is no report $1" >&2; exit 2; }
picture=${2:-$(dirname "$0")/report.png}

for browser in chromium chromium-browser google-chrome; do
    command -v "$browser" >/dev/null && break
done
command -v "$browser" >/dev/null || { echo "$0: no Chromium found; on Debian: apt-get install chromium" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$1" "$work/report.html"
sandbox=
[ "$(id -u)" -ne 0 ] || sandbox=--no-sandbox # Chromium refuses to start as root with its sandbox on

if ! "$browser" --headless $sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$work/profile" \
    --window-size=1280,1400 --screenshot="$work/report.png" "file://$work/report.html" >"$work/log" 2>&1 || [ ! -s "$work/report.png" ]; then
    cat "$work/log" >&2
    echo "$0: $browser made no picture" >&2
    exit 1
fi
mv "$work/report.png" "$picture"
echo "$picture"

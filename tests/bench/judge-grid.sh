#!/usr/bin/env bash
# Measures the judge beside other methods over the whole grid and writes the page; about five minutes on two cores.
#
#   bash tests/bench/judge-grid.sh [--check] [--quick]
#
# --check fails where a bound is broken, or where another method is before the judge; --quick takes a twentieth of the
# releases, for a first look, and writes no page.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

target="${CARGO_TARGET_DIR:-target}"
page=docs/internals/judge-measured.md
cargo build --quiet --locked --release -p bluegreen-measure --bin judge-grid
for argument in "$@"; do
  [[ "$argument" == --quick ]] && page=/dev/stdout
done
TIMEFORMAT='%R s, of which %U CPU seconds'
status=0
new="$(mktemp)"
trap 'rm -f "$new"' EXIT
time "$target/release/judge-grid" "$@" >"$new" || status=$?
cat "$new" >"$page"
exit "$status"

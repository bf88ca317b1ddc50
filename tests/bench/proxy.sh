#!/usr/bin/env bash
# The sandbox's proxy next to nginx and HAProxy: the same weighted split over the same targets, under the same load.
#
#   bash tests/bench/proxy.sh [--rounds N] [--seconds N]   prints a table; takes about rounds × seconds × 6
#   bash tests/bench/proxy.sh --check                      shares, and 100 changes of weights under load; no table
#
# Needs wrk and nginx (which serves as the target too); without haproxy its rows are left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

for needed in wrk nginx python3; do
  if ! PATH="$PATH:/usr/sbin" command -v "$needed" >/dev/null; then
    echo "skipped: $needed is not installed (Debian: apt-get install wrk nginx-light haproxy)" >&2
    exit 0
  fi
done
cargo build --quiet --locked --release -p bluegreen-sandbox --example proxy
PATH="$PATH:/usr/sbin" exec python3 tests/bench/proxy.py "${CARGO_TARGET_DIR:-target}/release/examples/proxy" "$@"

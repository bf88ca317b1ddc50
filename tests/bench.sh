#!/usr/bin/env bash
# Times start-up and validation next to the Python AWS CLI, all in one run on this machine.
#
#   bash tests/bench.sh [--release]
#
# Without --release the unoptimised build is timed: the goals hold for it too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target="${CARGO_TARGET_DIR:-target}"
profile=debug
flags=()
if [[ "${1:-}" == --release ]]; then
  profile=release
  flags=(--release)
fi
cargo build --quiet --locked -p bluegreen-cli "${flags[@]}"
bash tests/venv.sh >/dev/null
exec "$target/venv/bin/python" tests/bench/bench.py "$target/$profile/bluegreen" "$target/venv/bin/python" "$profile"

#!/usr/bin/env bash
# Times one further minute of a thousand releases with five metrics each, after an hour of minutes.
#
#   bash tests/bench/judge.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cargo build --quiet --locked --release -p bluegreen-measure --bin judge-bench
exec "${CARGO_TARGET_DIR:-target}/release/judge-bench"

#!/usr/bin/env bash
# The test command: every test of the workspace, the emulator's Python environment made first when it is not there.
#
#   bash tests/run.sh [arguments of the test runner]
#
# The target folder is cargo's (CARGO_TARGET_DIR, else ./target); the environment lives in its folder `venv`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash tests/venv.sh >/dev/null
if cargo nextest --version >/dev/null 2>&1; then
  exec cargo nextest run --locked --workspace "$@"
fi
exec cargo test --locked --workspace "$@"

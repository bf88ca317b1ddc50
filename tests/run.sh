#!/usr/bin/env bash
# The test command: every test of the workspace, the emulator's Python environment made first when it is not there.
#
#   bash tests/run.sh [arguments of the test runner]
#
# The target folder is cargo's (CARGO_TARGET_DIR, else ./target); the environment lives in its folder `venv`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target="${CARGO_TARGET_DIR:-target}"
venv="$target/venv"
wanted=tests/requirements.txt

# A stamp equal to the requirements means a finished environment; anything else is made afresh.
if ! cmp --silent "$wanted" "$venv/requirements.stamp" || ! "$venv/bin/python" -c '' 2>/dev/null; then
  python="${PYTHON:-$(command -v python3.11 || command -v python3 || true)}"
  if [[ -z "$python" ]]; then
    echo "tests/run.sh: no python3 on the PATH; the emulator tests need Python 3.11 or newer (or set PYTHON)" >&2
    exit 1
  fi
  echo "making the emulator's environment in $venv" >&2
  rm -rf "$venv"
  mkdir -p "$target"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$wanted"
  cp "$wanted" "$venv/requirements.stamp"
fi

if cargo nextest --version >/dev/null 2>&1; then
  exec cargo nextest run --locked --workspace "$@"
fi
exec cargo test --locked --workspace "$@"

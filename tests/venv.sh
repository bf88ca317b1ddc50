#!/usr/bin/env bash
# Makes the emulator's Python environment in the target folder, unless it is there and fits; prints where it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv="${CARGO_TARGET_DIR:-target}/venv"
wanted=tests/requirements.txt

# A stamp equal to the requirements means a finished environment; anything else is made afresh.
if ! cmp --silent "$wanted" "$venv/requirements.stamp" || ! "$venv/bin/python" -c '' 2>/dev/null; then
  python="${PYTHON:-$(command -v python3.11 || command -v python3 || true)}"
  if [[ -z "$python" ]]; then
    echo "tests/venv.sh: no python3 on the PATH; the emulator needs Python 3.11 or newer (or set PYTHON)" >&2
    exit 1
  fi
  echo "making the emulator's environment in $venv" >&2
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$wanted"
  cp "$wanted" "$venv/requirements.stamp"
fi
echo "$venv"

#!/usr/bin/env bash
# The main job in one command: the real program releases a good version, then a bad one, against an emulated AWS.
#
#   bash tests/try.sh
#
# Rules, weights and alarms are a third-party emulator's (tests/emulator/README.md says what it lacks). No AWS account,
# no container engine, no root. Everything happens in a temporary folder and on 127.0.0.1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv="$(realpath "$(bash tests/venv.sh)")"
cargo build --quiet --locked -p bluegreen-cli
target="$(realpath "${CARGO_TARGET_DIR:-target}")"
program="$target/debug/bluegreen"
emulator="$PWD/tests/emulator"
work="$(mktemp -d)"
mkfifo "$work/stdin"
"$venv/bin/python" "$emulator/launcher.py" <"$work/stdin" >"$work/ready" 2>"$work/emulator.log" &
launcher=$!
exec 9>"$work/stdin" # the emulator ends when this end closes
trap 'exec 9>&-; rm -rf "$work"' EXIT
until [[ -s "$work/ready" ]]; do
  kill -0 "$launcher" 2>/dev/null || { cat "$work/emulator.log" >&2; exit 1; }
  sleep 0.1
done
python() { "$venv/bin/python" "$@"; }
port="$(python -c 'import json,sys; print(json.loads(sys.stdin.readline())["ready"])' <"$work/ready")"

export AWS_ENDPOINT_URL="http://127.0.0.1:$port" AWS_REGION=eu-west-3
export AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_EC2_METADATA_DISABLED=true
export XDG_STATE_HOME="$work/state"
python "$emulator/fixture.py" --endpoint "$AWS_ENDPOINT_URL" >"$work/world.json"
python "$emulator/example.py" "$work/world.json" "$work"
cd "$work"

run() {
  printf '\n$ bluegreen %s\n' "$*"
  "$program" "$@" --insecure-endpoint || echo "(exit code $?)"
}

IMAGE=example/web:2 run plan
IMAGE=example/web:2 run deploy --yes
printf '\n# The next version fails: an alarm turns red when it gets 10%% of the traffic.\n'
python "$emulator/example.py" "$work/world.json" "$work" --red-at 10
IMAGE=example/web:3 run deploy --yes
printf "\n$ bluegreen explain\n"
"$program" explain

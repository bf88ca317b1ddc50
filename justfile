# The same recipes as the plain commands in CONTRIBUTING.md.

# every test of the workspace
test *args:
    bash tests/run.sh {{args}}

# the pure core alone, in seconds
core:
    cargo test -p bluegreen-core --no-default-features

# everything that CI runs
ci:
    bash .ci/run

# start-up and validation, next to the Python AWS CLI
bench:
    bash tests/bench.sh

# a good and a bad release on this machine
demo:
    cargo run --locked -p bluegreen-cli -- demo

"""Times the program's start-up and its validation of 1,000 documents, next to the Python AWS CLI's start-up."""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

DOCUMENTS = 1000
GOALS = {
    "bluegreen --version": 0.010,
    "bluegreen appspec validate (1,000 documents)": 2.0,
    "bluegreen verify (a YAML bomb, refused)": 0.050,
}


def timed(command, runs, expected=0):
    """Wall-clock seconds of each run as a whole process, which must end with the expected code."""
    seconds = []
    for _ in range(runs):
        begin = time.perf_counter()
        done = subprocess.run(command, capture_output=True)
        seconds.append(time.perf_counter() - begin)
        if done.returncode != expected:
            sys.exit(f"{command[:3]} ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    return seconds


def documents(folder):
    """1,000 different documents made from the examples: ECS and Lambda, YAML and JSON."""
    examples = [path for path in sorted(pathlib.Path("appspec/examples").glob("appspec-*")) if path.suffix in (".yaml", ".json")]
    paths = []
    for number in range(DOCUMENTS):
        example = examples[number % len(examples)]
        path = folder / f"{number:04}{example.suffix}"
        text = example.read_text()
        path.write_text(text if example.suffix == ".json" else f"# document {number}\n{text}")
        paths.append(str(path))
    return paths


def bomb(folder):
    """Nine levels of nine aliases each: a file of some hundred bytes that stands for 387 million nodes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    path = folder / "bluegreen.yaml"
    path.write_text("\n".join(lines))
    return str(path)


def main():
    program, python, profile = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as folder:
        paths = documents(pathlib.Path(folder))
        bomb_path = bomb(pathlib.Path(folder))
        rows = [
            ("bluegreen --version", timed([program, "--version"], 30)),
            (f"bluegreen appspec validate ({DOCUMENTS:,} documents)", timed([program, "appspec", "validate", *paths], 5)),
            ("bluegreen verify (a YAML bomb, refused)", timed([program, "verify", "-f", bomb_path], 10, expected=2)),
            ("aws --version (Python)", timed([python, "-m", "awscli", "--version"], 5)),
        ]
    print(f"{'command (' + profile + ' build)':<52} {'min':>8} {'median':>8} {'max':>8}  goal")
    missed = False
    for name, seconds in rows:
        low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
        goal = GOALS.get(name)
        verdict = "" if goal is None else f"< {goal * 1000:.0f} ms: {'met' if middle < goal else 'MISSED'}"
        missed = missed or (goal is not None and middle >= goal)
        print(f"{name:<52} {low * 1000:>6.1f}ms {middle * 1000:>6.1f}ms {high * 1000:>6.1f}ms  {verdict}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()

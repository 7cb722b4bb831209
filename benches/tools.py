"""What the benchmarks share: where they keep things, how they build, and how they run a program."""

import json
import os
import pathlib
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench"
VENV = ROOT / ".cache" / "bench-venv"
REQUIREMENTS = ROOT / "benches" / "requirements.txt"
# One thread on both sides, or a ratio would compare numbers of cores.
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "RAYON")}
# Time limits are for a quiet machine; on a busy one they are multiplied.
PATIENCE = float(os.environ.get("BENCH_PATIENCE", "1"))

CACHE.mkdir(parents=True, exist_ok=True)


def say(text):
    print(text, file=sys.stderr, flush=True)


def output(command, limit_s, **options):
    """Standard output of a command. Stops the benchmark when the command fails or takes too long."""
    command = [str(part) for part in command]
    name = pathlib.Path(command[0]).name
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=limit_s * PATIENCE, text=True, check=False,
                              env={**os.environ, **ONE_THREAD}, **options)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"{name} took more than {limit_s * PATIENCE:g} s; run this on a quieter machine, or with BENCH_PATIENCE=3") from None
    if done.returncode != 0:
        raise SystemExit(f"{name} failed with exit code {done.returncode}; its own words stand above")
    return done.stdout


def bench_program(name):
    """Builds the bench target with the settings of a release, and says where the program is."""
    say(f"{name}: building (the first time takes some minutes)")
    command = ["cargo", "bench", "--quiet", "--bench", name, "--no-run", "--message-format=json"]
    messages = [json.loads(line) for line in output(command, 3600, cwd=ROOT).splitlines() if line.startswith("{")]
    programs = [m["executable"] for m in messages if m.get("target", {}).get("name") == name and m.get("executable")]
    if not programs:
        raise SystemExit(f"cargo built no bench target called {name}; Cargo.toml needs a [[bench]] entry for it")
    return programs[-1]


def python_with_references():
    """A Python that has the pinned packages, in an environment of its own."""
    python, stamp = VENV / "bin" / "python", VENV / "requirements.txt"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if not (python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted):
        say("installing the pinned reference packages")
        venv.create(VENV, with_pip=True, clear=True)
        output([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS], 600)
        stamp.write_text(wanted, encoding="utf-8")
    return python

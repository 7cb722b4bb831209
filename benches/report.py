"""Turns results into benches/REPORT.md, and says what machine they were measured on without naming it."""

import os
import pathlib
import platform
import re
import subprocess

import tools

HEADING = """# Benchmarks

Written by `make bench`; change the benchmarks, not this page. Each figure stands next to that of a named reference
in the same run on the same machine, on one thread, and only their ratio travels to other machines. How to read and
to add benchmarks: [README.md](README.md).
"""


def machine():
    """Facts that a figure depends on. No host name, no path."""
    processor = re.search(r"model name\s*:\s*(.+)", read("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", read("/proc/meminfo"))
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return {
        "processor": processor[1] if processor else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory[1]) / 2**20, 1) if memory else None,
        # The load that other work put on the machine, before this benchmark could.
        "load_of_15_min": round(os.getloadavg()[2], 1),
        "kernel": f"{platform.system()} {re.match(r'[0-9.]*[0-9]', platform.release())[0]}",
        "rustc": rustc,
        "python": platform.python_version(),
        "commit": commit(),
        "references": [line for line in tools.REQUIREMENTS.read_text(encoding="utf-8").split() if "==" in line],
    }


def read(path):
    return pathlib.Path(path).read_text(encoding="utf-8") if pathlib.Path(path).exists() else ""


def commit():
    def git(*words):
        done = subprocess.run(["git", *words], cwd=tools.ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "src", "benches", ":!benches/results", ":!benches/REPORT.md", "Cargo.toml", "Cargo.lock")
    return git("rev-parse", "--short=12", "HEAD") + (" with changes" if changed else "")


def markdown(results):
    return "\n".join([HEADING, *(section(result) for result in results)])


def section(result):
    facts = result["machine"]
    busy = facts["load_of_15_min"]
    lines = [
        f"## {result['title']}",
        "",
        f"Reference: {result['reference']}. Measured {result['at']} in {result['took_s']} s at commit {facts['commit']}.",
        "",
        f"{facts['processor']}, {facts['cores']} cores, {facts['memory_gib']} GiB, {facts['kernel']}; {load(busy)}. {facts['rustc']}; Python "
        f"{facts['python']}; {', '.join(facts['references'])}.",
        "",
        "| what | Plimsoll | reference | ratio | goal | reached |",
        "| --- | ---: | ---: | ---: | --- | --- |",
        *(row(figure) for figure in result["figures"]),
        "",
        "Checks that both sides did the same work:",
        "",
        *(f"- {'passed' if c['passed'] else '**failed**'}: {c['name']}: {c['said']}." for c in result["checks"]),
        "",
        "Notes:",
        "",
        *(f"- {note}" for note in result["notes"]),
        "",
    ]
    return "\n".join(lines)


def load(busy):
    if busy is None:
        return "load of the last 15 minutes not noted"
    return f"load of the last 15 minutes {busy}{' (other work ran beside it: trust processor time)' if 1.5 < busy else ''}"


def row(figure):
    mine, theirs, unit = figure["ours"], figure["reference"], figure["unit"]
    reached = {None: "", True: "yes", False: "**no**"}[figure["reached"]]
    ratio = theirs / mine
    said = f"{ratio:,.0f}" if 10 <= ratio else f"{ratio:.2f}"
    return f"| {figure['figure']} | {amount(mine, unit)} | {amount(theirs, unit)} | {said} | {figure['goal'] or ''} | {reached} |"


def amount(value, unit):
    if unit == "bytes":
        return f"{value / 1e6:,.0f} MB"
    if unit == "s" and value < 1:
        return f"{value * 1e3:.3g} ms"
    return f"{value:,.1f} s" if unit == "s" and value < 100 else f"{value:,.0f} {unit}"

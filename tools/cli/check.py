"""`cosell.py check`: what should pass before every commit, in the order of speed."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from tools.cli.test import PARALLEL

ROOT = Path(__file__).resolve().parents[2]
PURE = ("tests/unit/decide", "tests/unit/merge", "tests/unit/test_lifecycle.py", "tests/unit/test_link.py")
"""The tests that must reach every branch of the pure decisions (pyproject.toml, tool.coverage)."""

STEPS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "codespell": ["codespell"],
    "mypy": ["mypy"],
    "lint-imports": ["lint-imports"],
    "branches": ["coverage", "run", "-m", "pytest", "-q", *PURE],
    "coverage": ["coverage", "report"],
    "pytest": ["pytest", "-q", "-m", "not slow", *PARALLEL],
}


def main(args: list[str]) -> int:
    """Run every step even when one fails; print a line for each, and the output of those that failed."""
    argparse.ArgumentParser(prog="cosell.py check", description="Run the quick checks.").parse_args(args)
    outcomes = [_step(name, command) for name, command in STEPS.items()]
    return 0 if all(outcomes) else 1


def _step(name: str, command: list[str]) -> bool:
    tool = str(Path(sys.executable).parent / command[0])
    start = time.monotonic()
    done = subprocess.run(
        [tool, *command[1:]], cwd=ROOT, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    verdict = "ok" if done.returncode == 0 else "FAILED"
    print(f"{name:<12} {verdict:<6} {time.monotonic() - start:5.1f} s", flush=True)
    if done.returncode:
        print(done.stdout, flush=True)
    return done.returncode == 0

"""Every planted bug is caught by the tests that are named for it; one that survives fails here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.planted.bugs import BUGS, Bug

ROOT = Path(__file__).resolve().parents[2]
A_TEST_FAILED = 1
"""Pytest's exit code; others say that the tests could not be run."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", range(len(BUGS)), ids=[bug.what for bug in BUGS])
def test_the_bug_is_caught(number: int) -> None:
    command = [sys.executable, "-m", "tests.planted.plant", str(number)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == A_TEST_FAILED, f"survived: {BUGS[number]}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def test_the_bugs_are_many_and_each_is_another() -> None:
    assert len(BUGS) >= 40
    assert len({(bug.file, bug.line, bug.wrong) for bug in BUGS}) == len(BUGS)


def test_a_line_that_is_not_there_any_more_is_told() -> None:
    bug = Bug("x", "file.py", "a line", "another", "unit")
    with pytest.raises(AssertionError, match="0 times 'a line'"):
        bug.applied("no such thing")
    with pytest.raises(AssertionError, match="2 times"):
        bug.applied("a line, and a line")
    assert bug.applied("only a line") == "only another"

"""Every planted bug is caught by the tests that are named for it; one that survives fails here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from tests.planted.bugs import BUGS, Bug

ROOT = Path(__file__).resolve().parents[2]
A_TEST_FAILED = 1
"""Pytest's exit code; others say that the tests could not be run."""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Popen[str]]:
    """A process that plants bugs by their numbers, and has the libraries already."""
    command = [sys.executable, "-m", "tests.planted.plant"]
    with Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True) as process:
        yield process


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", range(len(BUGS)), ids=[bug.what for bug in BUGS])
def test_the_bug_is_caught(number: int, nursery: Popen[str]) -> None:
    assert nursery.stdin
    assert nursery.stdout
    nursery.stdin.write(f"{number}\n")
    nursery.stdin.flush()
    code, lines = int(nursery.stdout.readline()), int(nursery.stdout.readline())
    told = "".join(nursery.stdout.readline() for _ in range(lines))
    assert code == A_TEST_FAILED, f"survived: {BUGS[number]}\n{told[-4000:]}"


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

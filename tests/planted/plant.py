"""Runs tests on a program into which one bug was planted: `python -m tests.planted.plant <number> [test ...]`.

The bug is in memory alone: the file's source is changed when it is imported. The exit code is pytest's, 1 when a test
failed, which is what is wanted.
"""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

import pytest

from tests.planted.bugs import BUGS, Bug

ROOT = Path(__file__).resolve().parents[2]


def plant(bug: Bug) -> None:
    """Change the source of the bug's file for every import from now on, whatever byte code there is of it."""
    path = ROOT / bug.file
    source = bug.applied(path.read_text("utf-8"))
    whole = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, fullname: str) -> CodeType | None:
        if Path(loader.path) == path:
            code: CodeType = compile(source, loader.path, "exec")
            return code
        return whole(loader, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment] # the only hook before byte code


def main(number: int, tests: list[str]) -> int:
    """Plant the bug and run the tests, by default those that are known to catch it."""
    bug = BUGS[number]
    plant(bug)
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *(tests or bug.caught_by)]))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))

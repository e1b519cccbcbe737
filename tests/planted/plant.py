"""Runs tests on a program into which one bug was planted: `python -m tests.planted.plant <number> [test ...]`.

The bug is in memory alone: the file's source is changed when it is imported. The exit code is pytest's, 1 when a test
failed, which is what is wanted. Without a number it takes numbers from its input, one a line, each in a process forked
from this one, which has imported the libraries already; for each it answers with the exit code, and after it the lines
that pytest wrote, the first saying how many they are.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

import pytest

from tests.planted.bugs import BUGS, Bug

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("pytest", "hypothesis", "pydantic", "requests", "tenacity", "xdist")
"""What the tests import and no bug changes."""

OPTIONS = ("-x", "-q", "-pno:cacheprovider", "-pno:xdist", "-Wignore::pytest.PytestAssertRewriteWarning")
"""Plugins that were imported before pytest began have no rewritten assertions, nor need any."""


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
    return int(pytest.main([*OPTIONS, *(tests or bug.caught_by)]))


def import_libraries() -> None:
    """Import what every test needs, and nothing of the product: that comes with its bug."""
    for library in LIBRARIES:
        importlib.import_module(library)
    assert not [name for name in sys.modules if name.split(".")[0] == "shared"]


def serve() -> None:
    """Plant each bug whose number comes, until there are no more."""
    import_libraries()
    for line in sys.stdin:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as written:
            child = os.fork()
            if not child:
                _become(int(line), written.fileno())
            _, status = os.waitpid(child, 0)
            written.seek(0)
            told = written.read().rstrip("\n").split("\n")
        answer = [str(os.waitstatus_to_exitcode(status)), str(len(told)), *told]
        sys.stdout.write("".join(f"{each}\n" for each in answer))
        sys.stdout.flush()


def _become(number: int, output: int) -> None:
    code = -1
    try:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(output, stream.fileno())
        os.close(sys.stdin.fileno())
        code = main(number, [])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    if not sys.argv[1:]:
        serve()
    else:
        sys.exit(main(int(sys.argv[1]), sys.argv[2:]))

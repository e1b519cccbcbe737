"""Bugs of one line, as anybody might write them, each with the tests that catch it: the list in `bugs.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Bug:
    """`line` of `file` becomes `wrong`. `tests` are those that catch it, as pytest names them, below tests/."""

    what: str
    file: str
    line: str
    wrong: str
    tests: str

    @property
    def caught_by(self) -> list[str]:
        """The tests, as arguments of pytest."""
        return [f"tests/{test}" for test in self.tests.split()]

    def applied(self, source: str) -> str:
        """Return the source with the bug in it. Raises AssertionError unless the line is there exactly once."""
        found = source.count(self.line)
        assert found == 1, f"{self.file}: {found} times {self.line!r}"
        return source.replace(self.line, self.wrong)


BUGS = tuple(Bug(**each) for each in tomllib.loads(Path(__file__).with_name("bugs.toml").read_text("utf-8"))["bug"])

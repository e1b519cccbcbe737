"""The mutants are what they say: each is other code, and a test that sees one kills it."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.planted.mutants import EQUIVALENT, ROOMS, ROOT, all_mutants, changes, mutated

PLANT = """
import sys
from tests.planted.mutants import all_mutants, survives
from dataclasses import replace
mutant = next(each for each in all_mutants(["lifecycle"]) if each.what == "condition negated")
sys.exit(survives(replace(mutant, tests=(sys.argv[1],))))
"""
"""In a process that has imported nothing of the product yet."""


def test_every_room_has_mutants_and_each_is_other_code() -> None:
    for room in ROOMS:
        mutants = all_mutants([room])
        assert mutants
        for mutant in mutants[::40]:
            path = ROOT / mutant.file
            whole = compile(ast.parse(path.read_text("utf-8")), str(path), "exec")
            assert mutated(mutant.file, mutant.number) != whole, mutant


@pytest.mark.parametrize("same", EQUIVALENT, ids=lambda same: f"{same['file']}: {same['what']}")
def test_what_is_named_equivalent_is_still_a_mutant_and_has_its_reason(same: dict[str, str]) -> None:
    source = (ROOT / same["file"]).read_text("utf-8")
    lines = source.splitlines()
    assert (same["line"], same["what"]) in {
        (lines[line - 1].strip(), what) for line, what, _ in changes(ast.parse(source))
    }
    assert same["reason"].endswith(".")


@pytest.mark.parametrize(
    ("test", "survives"),
    [
        ("tests/unit/test_lifecycle.py", False),
        ("tests/planted/test_bugs.py::test_the_bugs_are_many_and_each_is_another", True),
    ],
)
def test_a_mutant_that_a_test_sees_is_killed_and_one_that_none_sees_survives(test: str, *, survives: bool) -> None:
    done = subprocess.run([sys.executable, "-c", PLANT, test], cwd=ROOT, check=False, timeout=100)
    assert done.returncode == survives

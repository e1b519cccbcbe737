"""Files and functions of the product stay small enough to be read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared"
LINES, FUNCTION, PARAMETERS = 300, 40, 6
EXCUSE = "may grow longer"
"""What the docstring of a longer file says, with the reason."""


def trees() -> Iterator[tuple[str, ast.Module, int]]:
    for path in sorted(SHARED.rglob("*.py")):
        text = path.read_text("utf-8")
        yield path.relative_to(SHARED).as_posix(), ast.parse(text), text.count("\n")


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for name, tree, _ in trees():
        yield from ((name, node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def parameters(function: ast.FunctionDef) -> int:
    """How many a caller gives."""
    found = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return len(found) - (bool(found) and found[0].arg in ("self", "cls"))


def test_a_file_is_short_or_says_why_not() -> None:
    long = {name for name, tree, lines in trees() if lines > LINES and EXCUSE not in (ast.get_docstring(tree) or "")}
    assert long == set()


def test_a_function_is_short_and_takes_few_parameters() -> None:
    found = [
        f"{name}: {each.name}"
        for name, each in functions()
        if (each.end_lineno or 0) - each.lineno + 1 > FUNCTION or parameters(each) > PARAMETERS
    ]
    assert found == []


def test_the_rooms_are_looked_at() -> None:
    assert len(list(functions())) > 500

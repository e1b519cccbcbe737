"""Small changes to the pure modules, one at a time: a comparison turned round, an argument dropped.

`python -m tests.planted.mutants` plants a sample of them, each in memory in a process of its own, runs the unit tests
of its room, and tells how many were killed: the mutation score. The sample is the same each time.
"""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import os
import resource
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from random import Random
from types import CodeType
from typing import Any

from tests.planted.plant import OPTIONS, import_libraries

ROOT = Path(__file__).resolve().parents[2]
ROOMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "decide": ("shared/decide", ("tests/unit/decide",)),
    "merge": ("shared/merge.py", ("tests/unit/merge", "tests/unit/decide")),
    "lifecycle": ("shared/lifecycle.py", ("tests/unit/test_lifecycle.py", "tests/unit/decide")),
    "link": ("shared/link.py", ("tests/unit/test_link.py", "tests/unit/decide")),
    "codecs": (
        "shared/mapping/codecs",
        (
            "tests/unit/test_codec_values.py",
            "tests/unit/test_list_codecs.py",
            "tests/unit/test_vocabularies.py",
            "tests/unit/mapping",
            "tests/unit/test_codecs.py",
            "tests/unit/test_hostile_values.py",
        ),
    ),
}
"""By room: its file or folder, and the tests that are to kill its mutants, the quickest first."""

PATIENCE = 120
"""Seconds of processor after which a mutant counts as killed: it goes round for ever."""

NOTHING = -1
"""The number of no change at all: the tests must pass on that, or a mutant that is killed says nothing."""

_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OTHER: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}

EQUIVALENT = tuple(tomllib.loads(Path(__file__).with_name("equivalent.toml").read_text("utf-8"))["mutant"])
"""Changes after which the program does the same, each with its reason: no test could kill them."""

Change = tuple[int, str, Callable[[], None]]
"""The line, what is changed, and what changes the tree in place."""


@dataclass(frozen=True)
class Mutant:
    """The change with a number in a file, and the tests of its room."""

    file: str
    number: int
    line: int
    what: str
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.what}"


def changes(tree: ast.Module) -> list[Change]:
    """Return every change that can be made to a module, in the order of its lines."""
    found = [change for node in _code(tree) for change in _of(node)]
    return sorted(found, key=lambda change: change[0])


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is run: no annotations, docstrings, decorators, checks of ours, and messages of errors."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.Assign) and ast.unparse(child.targets[0]) == "__all__":
                continue
            docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            left_out = docstring or isinstance(
                child, ast.Assert | ast.Raise | ast.JoinedStr | ast.ImportFrom | ast.Import
            )
            if isinstance(child, ast.AST) and not left_out:
                yield from _code(child)


def _of(node: ast.AST) -> Iterator[Change]:
    if makes := _MAKERS.get(type(node)):
        yield from makes(node)


def _compare(node: ast.Compare) -> Iterator[Change]:
    for index, operator in enumerate(node.ops):
        if turned := _TURNED.get(type(operator)):
            yield node.lineno, f"{type(operator).__name__} → {turned.__name__}", _set_item(node.ops, index, turned())


def _bool_op(node: ast.BoolOp) -> Iterator[Change]:
    other = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
    yield node.lineno, f"{type(node.op).__name__} → {type(other).__name__}", _set(node, "op", other)
    for index in range(len(node.values)):
        fewer = node.values[:index] + node.values[index + 1 :]
        kept = fewer if len(fewer) > 1 else [fewer[0], fewer[0]]
        yield node.lineno, f"operand {index + 1} left out", _set(node, "values", kept)


def _bin_op(node: ast.BinOp) -> Iterator[Change]:
    if other := _OTHER.get(type(node.op)):
        yield node.lineno, f"{type(node.op).__name__} → {other.__name__}", _set(node, "op", other())


def _condition(node: ast.If | ast.IfExp | ast.While) -> Iterator[Change]:
    yield node.lineno, "condition negated", _set(node, "test", ast.UnaryOp(ast.Not(), node.test))


def _filter(node: ast.comprehension) -> Iterator[Change]:
    if node.ifs:
        yield node.ifs[0].lineno, "filter left out", _set(node, "ifs", [])


def _return(node: ast.Return) -> Iterator[Change]:
    if node.value and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield node.lineno, "returns None", _set(node, "value", ast.Constant(None))


def _call(node: ast.Call) -> Iterator[Change]:
    if isinstance(node.func, ast.Name) and node.func.id == "replace":
        for index, keyword in enumerate(node.keywords):
            if keyword.arg:
                fewer = node.keywords[:index] + node.keywords[index + 1 :]
                yield node.lineno, f"{keyword.arg} not replaced", _set(node, "keywords", fewer)


def _constant(node: ast.Constant) -> Iterator[Change]:
    if isinstance(node.value, bool):
        yield node.lineno, f"{node.value} → {not node.value}", _set(node, "value", not node.value)
    elif isinstance(node.value, int):
        yield node.lineno, f"{node.value} → {node.value + 1}", _set(node, "value", node.value + 1)
    elif isinstance(node.value, str) and node.value:
        yield node.lineno, f"{node.value!r:.20} → another text", _set(node, "value", f"{node.value}x")


def _set(node: ast.AST, name: str, value: object) -> Callable[[], None]:
    return lambda: setattr(node, name, value)


def _set_item(items: list[ast.cmpop], index: int, value: ast.cmpop) -> Callable[[], None]:
    return lambda: items.__setitem__(index, value)


_MAKERS: dict[type[ast.AST], Callable[[Any], Iterator[Change]]] = {
    ast.Compare: _compare,
    ast.BoolOp: _bool_op,
    ast.BinOp: _bin_op,
    ast.If: _condition,
    ast.IfExp: _condition,
    ast.While: _condition,
    ast.comprehension: _filter,
    ast.Return: _return,
    ast.Call: _call,
    ast.Constant: _constant,
}


# --- planting them -----------------------------------------------------------------------------------------------


def all_mutants(rooms: list[str]) -> list[Mutant]:
    """Return every mutant of some rooms."""
    found = []
    for place, tests in (ROOMS[room] for room in rooms):
        whole = ROOT / place
        for path in sorted(whole.glob("*.py")) if whole.is_dir() else [whole]:
            file = path.relative_to(ROOT).as_posix()
            source = path.read_text("utf-8")
            same = {(each["line"], each["what"]) for each in EQUIVALENT if each["file"] == file}
            for number, (line, what, _) in enumerate(changes(ast.parse(source))):
                if (source.splitlines()[line - 1].strip(), what) not in same:
                    found.append(Mutant(file, number, line, what, tests))
    return found


def mutated(file: str, number: int) -> CodeType:
    """Return a module's code with a change in it."""
    path = ROOT / file
    tree = ast.parse(path.read_text("utf-8"))
    changes(tree)[number][2]()
    code: CodeType = compile(ast.fix_missing_locations(tree), str(path), "exec")
    return code


def plant(file: str, number: int) -> None:
    """Change a module for every import from now on."""
    code, path, whole = mutated(file, number), ROOT / file, SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, fullname: str) -> CodeType | None:
        return code if Path(loader.path) == path else whole(loader, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment] # the only hook before byte code


def prepare() -> None:
    """Make once what every mutant's process needs and no mutant changes: libraries, and the decision table in words."""
    import_libraries()
    importlib.import_module("tests.unit.decide.table").spread()
    assert "shared" not in sys.modules, "the product comes with its mutant"
    gc.collect()
    gc.freeze()


def survives(mutant: Mutant) -> bool:
    """Run the tests of a mutant's room on it, in a process of its own; tells whether none failed."""
    child = os.fork()
    if not child:
        _run(mutant)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _run(mutant: Mutant) -> None:
    """Become pytest."""
    code = 1
    try:
        import pytest  # in the child alone

        resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        if mutant.number != NOTHING:
            plant(mutant.file, mutant.number)
        without = [f"-pno:{plugin}" for plugin in ("randomly", "logging")]
        code = int(pytest.main([*OPTIONS, *without, *mutant.tests]))
    finally:
        os._exit(code)


def main(arguments: list[str]) -> int:
    """Plant a sample; 1 when fewer were killed than there must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=400, help="how many mutants (default 400; 0: all)")
    parser.add_argument("--room", choices=ROOMS, action="append", help="default: every room")
    parser.add_argument("--least", type=float, default=90.0, help="the mutation score that is wanted, in percent")
    parser.add_argument("--seed", type=int, default=0, help="which sample (default 0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at a time (default: the processors)")
    options = parser.parse_args(arguments)
    mutants = all_mutants(options.room or list(ROOMS))
    chosen = Random(options.seed).sample(mutants, min(options.sample or len(mutants), len(mutants)))
    prepare()
    planted, killed = Counter[str](), Counter[str]()
    with ThreadPoolExecutor(options.jobs) as pool:
        rooms = sorted({mutant.tests for mutant in chosen})
        sound = all(pool.map(survives, [Mutant("", NOTHING, 0, "nothing changed", tests) for tests in rooms]))
        assert sound, "the tests fail without a mutant"
        for mutant, survived in zip(chosen, pool.map(survives, chosen), strict=True):
            room = next(name for name, (place, _) in ROOMS.items() if mutant.file.startswith(place))
            planted[room] += 1
            killed[room] += not survived
            if survived:
                print(f"survived: {mutant}", flush=True)
    for room, count in sorted(planted.items()):
        print(f"{room:10} {killed[room]:4} of {count:4} killed, {100 * killed[room] / count:5.1f} %")
    score = 100 * killed.total() / max(planted.total(), 1)
    print(f"{'together':10} {killed.total():4} of {planted.total():4} killed, {score:5.1f} %")
    return 0 if score >= options.least else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

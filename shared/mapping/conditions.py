"""Conditions: JMESPath expressions that say which deals are synchronized (jmespath.org).

An expression is compiled once and total: it always ends, nothing it meets is an error, and it is met when its value is
true as JMESPath defines it (not null, false, or empty). A function that does not take the value it is given, such as
`contains` on an absent text, makes the condition unmet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

Node = Mapping[str, Any]
"""A node of jmespath's syntax tree: type, children, value."""

_INWARD = frozenset(
    {
        "filter_projection",
        "flatten",
        "index_expression",
        "pipe",
        "projection",
        "subexpression",
        "value_projection",
    }
)
"""Nodes whose first child is evaluated on the document, and the others on what that one found."""


_UNFIT = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)
"""What jmespath raises for values that an expression does not fit; its own errors are ValueErrors."""


class Condition:
    """One compiled expression. Raises ValueError saying what is wrong with the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._compiled = jmespath.compile(text)
            for name, given in _calls(self._compiled.parsed):
                _check_call(name, given)
        except JMESPathError as error:
            raise ValueError(f"is not a valid JMESPath expression: {_plainly(error)}") from error
        except RecursionError as error:
            raise ValueError("is not a valid JMESPath expression: it is nested too deeply") from error

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the expression asks the document for, at its top."""
        return tuple(dict.fromkeys(_names(self._compiled.parsed)))

    def __call__(self, document: Mapping[str, object]) -> bool:
        """Whether the document meets the condition."""
        try:
            found = self._compiled.search(document)
        except _UNFIT:
            return False
        # Not Python's truth: zero is a value like any other in JMESPath.
        return not (found is None or found is False or found in ("", [], {}))


def _names(node: Node) -> Iterator[str]:
    if node["type"] == "field":
        yield node["value"]
    if node["type"] == "expref":
        return
    children = node["children"][:1] if node["type"] in _INWARD else node["children"]
    for child in children:
        if isinstance(child, Mapping):
            yield from _names(child)


def _calls(node: Node) -> Iterator[tuple[str, int]]:
    """Yield every function call with its number of arguments; jmespath itself checks only the ones it reaches."""
    if node["type"] == "function_expression":
        yield node["value"], len(node["children"])
    for child in node["children"]:
        if isinstance(child, Mapping):
            yield from _calls(child)


def _check_call(name: str, given: int) -> None:
    known = Functions.FUNCTION_TABLE.get(name)
    if known is None:
        near = get_close_matches(name, Functions.FUNCTION_TABLE, n=1)
        raise ValueError(f"JMESPath has no function {name}" + (f"; did you mean {near[0]}?" if near else ""))
    takes = len(known["signature"])
    variadic = bool(takes) and bool(known["signature"][-1].get("variadic"))
    if given < takes or (given > takes and not variadic):
        raise ValueError(f"the function {name} takes {takes} values{' or more' if variadic else ''}, not {given}")


def _plainly(error: JMESPathError) -> str:
    """Return jmespath's message on one line, without the drawing below it."""
    return str(error).partition(", for expression")[0].splitlines()[0].rstrip(":.")

"""Turns the WHERE clause into a test of one record."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.fields import IDS, NUMBERS, TEXTS, Field, FieldType
from tools.simulators.salesforce.ids import long_id
from tools.simulators.salesforce.org import fold
from tools.simulators.salesforce.records import Record
from tools.simulators.salesforce.soql import Condition, Group, Query
from tools.simulators.salesforce.soql_fields import FieldFinder
from tools.simulators.salesforce.soql_tokens import Token, pointed

Test = Callable[[Record], bool]
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_DAYS = {"TODAY": 0, "YESTERDAY": -1, "TOMORROW": 1}


@dataclass(frozen=True)
class FilterBuilder:
    """Builds tests for one query. `select_ids` runs a semi-join's query and returns what it selects."""

    finder: FieldFinder
    select: Callable[[Query], set[object]]
    now: datetime

    def build(self, part: Condition | Group) -> Test:
        """Return the test that the part stands for."""
        if isinstance(part, Condition):
            return self._condition(part)
        tests = [self.build(inner) for inner in part.parts]
        if part.operator == "NOT":
            return lambda record: not tests[0](record)
        combine = all if part.operator == "AND" else any
        return lambda record: combine(test(record) for test in tests)

    def _condition(self, condition: Condition) -> Test:
        resolved = self.finder.filterable(condition.path)
        field = resolved.field
        if condition.query is not None:
            wanted: set[object] = self.select(condition.query)
        else:
            wanted = {self._literal(condition, field, token) for token in condition.values}
        matches = self._comparison(condition, field, wanted)
        return lambda record: matches(fold(field, self.finder.value(record, resolved)))

    def _comparison(self, condition: Condition, field: Field, wanted: set[object]) -> Callable[[object], bool]:
        """A null is unlike every value, and neither less nor greater than one."""
        operator = condition.operator
        if operator in {"=", "IN"}:
            return lambda value: value in wanted
        if operator in {"!=", "NOT IN"}:
            return lambda value: value not in wanted
        bound = next(iter(wanted))
        if operator == "LIKE":
            if field.type not in TEXTS:
                raise self._refuse(condition, "invalid operator on " + field.type + " field")
            pattern = _like(str(bound))
            return lambda value: value is not None and pattern.fullmatch(str(value)) is not None
        if bound is None or field.type is FieldType.BOOLEAN:
            raise self._refuse(condition, f"invalid operator '{operator}' for field '{condition.path.name}'")
        compare = _ORDERED[operator]
        return lambda value: value is not None and compare(value, bound)

    def _literal(self, condition: Condition, field: Field, token: Token) -> object:
        """Return a literal as the field's values are compared, or refuse one of another type."""
        if token.is_word("NULL"):
            return None
        if token.kind == "text" and field.type in TEXTS:
            return fold(field, token.value)
        if token.kind == "text" and field.type in IDS:
            record_id = long_id(str(token.value))
            if record_id is None:
                raise self._refuse(condition, f"invalid ID field: {token.value}", Rule.BAD_ID_FILTER)
            return record_id
        if token.kind == "number" and field.type in NUMBERS and isinstance(token.value, Decimal):
            return token.value
        if token.is_word("TRUE", "FALSE") and field.type is FieldType.BOOLEAN:
            return token.raw.upper() == "TRUE"
        if token.kind == "date" and field.type is FieldType.DATE:
            return str(token.value)
        if token.kind == "datetime" and field.type is FieldType.DATETIME:
            return token.value
        return self._relative(condition, field, token)

    def _relative(self, condition: Condition, field: Field, token: Token) -> object:
        word = token.raw.upper()
        if token.kind == "name" and word in _DAYS and field.type is FieldType.DATE:
            return (self.now + timedelta(days=_DAYS[word])).date().isoformat()
        quoted = "should be" if field.type in TEXTS | IDS else "should not be"
        raise self._refuse(
            condition,
            f"value of filter criterion for field '{condition.path.name}' must be of type {field.type.value} and"
            f" {quoted} enclosed in quotes",
        )

    def _refuse(self, condition: Condition, text: str, rule: Rule = Rule.BAD_FIELD) -> RefusedError:
        return RefusedError(rule, detail=pointed(self.finder.text, condition.path.at, text))


def _like(pattern: str) -> re.Pattern[str]:
    """Return a LIKE pattern as a regular expression: % any text, _ one character, both escapable."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return re.compile("".join(wild.get(part, re.escape(part.removeprefix("\\"))) for part in parts), re.DOTALL)

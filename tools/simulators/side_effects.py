"""A customer's automation in one line: when a written row has these values, it also gets those."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Hook = Callable[[str, str, dict[str, object]], Mapping[str, object] | None]


@dataclass(frozen=True)
class SideEffect:
    """Logic that runs after a write to `table`: where all of `when` is so, the columns of `then` are set."""

    table: str
    then: Mapping[str, object]
    when: Mapping[str, object]

    def __call__(self, table: str, _row_id: str, row: dict[str, object]) -> Mapping[str, object] | None:
        """Return what is to be changed on the row, if anything is."""
        if table != self.table or any(row.get(name) != value for name, value in self.when.items()):
            return None
        changes = {name: value for name, value in self.then.items() if row.get(name) != value}
        return changes or None


def texts(body: Mapping[str, object], *names: str) -> list[str]:
    """Return texts that a control request must have. Raises ValueError."""
    values = [body.get(name) for name in names]
    if not all(isinstance(value, str) and value for value in values):
        raise ValueError(f"give {', '.join(names)} as texts")
    return [str(value) for value in values]


def columns_of(body: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return an object of a control request, empty when it is absent. Raises ValueError."""
    value = body.get(name) or {}
    if not isinstance(value, dict):
        raise ValueError(f"give {name} as an object")
    return value

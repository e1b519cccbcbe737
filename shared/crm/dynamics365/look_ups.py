"""The look-ups whose rows have a natural key (a currency's ISO code): it travels instead of the row's id."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from shared.crm.dynamics365.api import DataverseApi, Json, text_at
from shared.crm.dynamics365.errors import TITLE
from shared.errors import DataError
from shared.problems import problem


@dataclass(frozen=True)
class LookUp:
    """A look-up column whose rows have a natural key that travels instead of the id."""

    entity_set: str
    id_column: str
    key_column: str
    precision_column: str


CURRENCY = "transactioncurrencyid"
LOOK_UPS = {CURRENCY: LookUp("transactioncurrencies", "transactioncurrencyid", "isocurrencycode", "currencyprecision")}


class NaturalKeys:
    """Natural keys and ids of look-ups: a handful of rows, read when first needed and again when one is unknown."""

    def __init__(self, api: DataverseApi) -> None:
        self._api = api
        self._rows: dict[str, dict[str, _Row]] = {}
        self._lock = threading.Lock()

    def key(self, column: str, row_id: str) -> str:
        """Return the natural key of a row. Raises DataError when there is no such row."""
        found = self._find(column, lambda rows: rows.get(row_id.lower()))
        if found is None:
            raise DataError(problem("crm.row_unreadable", column, crm=TITLE))
        return found.key

    def address(self, column: str, key: str) -> str:
        """Return the address of the row with a natural key. Raises DataError when the CRM has none."""
        found = self._find(column, lambda rows: next((each for each in rows.values() if each.key == key), None))
        if found is None:
            raise DataError(problem("crm.row_missing", column, crm=TITLE, key=key))
        return f"/{LOOK_UPS[column].entity_set}({found.id})"

    def precision(self, code: str) -> int | None:
        """Return how many digits amounts in a currency keep; None for a currency that the CRM does not have."""
        found = self._find(CURRENCY, lambda rows: next((each for each in rows.values() if each.key == code), None))
        return found.precision if found else None

    def _find(self, column: str, pick: Callable[[dict[str, _Row]], _Row | None]) -> _Row | None:
        with self._lock:
            held = self._rows.get(column)
            found = pick(held) if held else None
            if found is None:
                held = self._rows[column] = self._read(LOOK_UPS[column])
                found = pick(held)
            return found

    def _read(self, look_up: LookUp) -> dict[str, _Row]:
        names = (look_up.id_column, look_up.key_column, look_up.precision_column)
        rows = [_row(row, look_up) for row in self._api.rows(look_up.entity_set, {"$select": ",".join(names)})]
        return {row.id: row for row in rows}


@dataclass(frozen=True)
class _Row:
    id: str
    key: str
    precision: int | None


def _row(row: Json, look_up: LookUp) -> _Row:
    precision = row.get(look_up.precision_column)
    row_id, key = text_at(row, look_up.id_column).lower(), text_at(row, look_up.key_column)
    return _Row(row_id, key, precision if isinstance(precision, int) else None)

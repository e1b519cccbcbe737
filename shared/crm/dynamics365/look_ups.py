"""The look-ups whose rows have a natural key (a currency's ISO code): it travels instead of the row's id."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from shared.crm.dynamics365.api import DataverseApi, text_at
from shared.errors import DataError, Problem


@dataclass(frozen=True)
class LookUp:
    """A look-up column whose rows have a natural key that travels instead of the id."""

    entity_set: str
    id_column: str
    key_column: str


LOOK_UPS = {"transactioncurrencyid": LookUp("transactioncurrencies", "transactioncurrencyid", "isocurrencycode")}


class NaturalKeys:
    """Natural keys and ids of look-ups: a handful of rows, read when first needed and again when one is unknown."""

    def __init__(self, api: DataverseApi) -> None:
        self._api = api
        self._keys_by_id: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    def key(self, column: str, row_id: str) -> str:
        """Return the natural key of a row. Raises DataError when there is no such row."""
        found = self._find(column, lambda keys: keys.get(row_id.lower()))
        if found is None:
            raise DataError(Problem(column, "points to a row that cannot be read", "Check the app user's role."))
        return found

    def address(self, column: str, key: str) -> str:
        """Return the address of the row with a natural key. Raises DataError when the CRM has none."""
        found = self._find(column, lambda keys: next((each for each, held in keys.items() if held == key), None))
        if found is None:
            remedy = f"Add {key} to the CRM, or change it in Partner Center."
            raise DataError(Problem(column, f"{key} does not exist in Dynamics 365", remedy))
        return f"/{LOOK_UPS[column].entity_set}({found})"

    def _find(self, column: str, pick: Callable[[dict[str, str]], str | None]) -> str | None:
        with self._lock:
            held = self._keys_by_id.get(column)
            found = pick(held) if held else None
            if found is None:
                held = self._keys_by_id[column] = self._read(LOOK_UPS[column])
                found = pick(held)
            return found

    def _read(self, look_up: LookUp) -> dict[str, str]:
        rows = self._api.rows(look_up.entity_set, {"$select": f"{look_up.id_column},{look_up.key_column}"})
        return {text_at(row, look_up.id_column).lower(): text_at(row, look_up.key_column) for row in rows}

"""How many digits of an amount Dynamics 365 keeps (sales: decimal-precision-currency-pricing).

A money column says where its precision comes from: itself, the organization's pricing precision, or the currency of the
row. What is written with more digits is rounded without a word.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from shared.crm.dynamics365.api import DataverseApi
from shared.crm.dynamics365.look_ups import NaturalKeys

_MONEY = "Microsoft.Dynamics.CRM.MoneyAttributeMetadata"
_ITSELF, _ORGANIZATION, _CURRENCY = 0, 1, 2
"""PrecisionSource of a money column (webapi/reference/moneyattributemetadata)."""


class MoneyDigits:
    """The digits of one table's money columns, asked once per process. `wanted` says how many the mapping keeps."""

    def __init__(self, api: DataverseApi, keys: NaturalKeys, table: str, wanted: Mapping[str, int]) -> None:
        self._api = api
        self._keys = keys
        self._table = table
        self._wanted = wanted
        self._sources: dict[str, int | None] | None = None
        self._lock = threading.Lock()

    def of(self, currency: object) -> dict[str, int]:
        """Return, by column, the digits that a row in this currency keeps, where they are fewer than the mapping's."""
        if not self._wanted:
            return {}
        with self._lock:
            if self._sources is None:
                self._sources = self._ask()
        by_currency = self._keys.precision(str(currency)) if currency else None
        kept = {name: by_currency if fixed is None else fixed for name, fixed in self._sources.items()}
        return {name: digits for name, digits in kept.items() if digits is not None and digits < self._wanted[name]}

    def _ask(self) -> dict[str, int | None]:
        """Return the digits by column; None where the row's currency decides."""
        path = f"EntityDefinitions(LogicalName='{self._table}')/Attributes/{_MONEY}"
        rows = self._api.rows(path, {"$select": "LogicalName,Precision,PrecisionSource"})
        columns = {str(row.get("LogicalName")): row for row in rows if row.get("LogicalName") in self._wanted}
        pricing = None
        if any(row.get("PrecisionSource") == _ORGANIZATION for row in columns.values()):
            pricing = pricing_precision(self._api)
        digits = {_ORGANIZATION: pricing, _CURRENCY: None}
        return {
            name: _whole(row.get("Precision")) if row.get("PrecisionSource") == _ITSELF else digits[_source(row)]
            for name, row in columns.items()
        }


def pricing_precision(api: DataverseApi) -> int | None:
    """Return the organization's pricing precision."""
    rows = api.rows("organizations", {"$select": "pricingdecimalprecision"})
    return _whole(rows[0].get("pricingdecimalprecision")) if rows else None


def _source(row: Mapping[str, object]) -> int:
    return _ORGANIZATION if row.get("PrecisionSource") == _ORGANIZATION else _CURRENCY


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None

"""The look-ups of Dynamics 365: read once, and again when somebody may have added what is not known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest

from shared.crm.dynamics365.api import DataverseApi
from shared.crm.dynamics365.look_ups import CURRENCY, NaturalKeys
from shared.errors import DataError

EURO = {"transactioncurrencyid": "E1", "isocurrencycode": "EUR", "currencyprecision": 2}
FRANC = {"transactioncurrencyid": "C1", "isocurrencycode": "CHF", "currencyprecision": 0}


class Currencies:
    """A CRM with a few currencies."""

    def __init__(self, *rows: Mapping[str, object]) -> None:
        self.held = list(rows)
        self.read = 0

    def rows(self, _path: str, _query: Mapping[str, str]) -> list[Mapping[str, object]]:
        """Return the currencies as they are now."""
        self.read += 1
        return list(self.held)


def test_what_is_known_is_read_once() -> None:
    crm = Currencies(EURO)
    keys = NaturalKeys(cast("DataverseApi", crm))
    assert (keys.key(CURRENCY, "e1"), keys.address(CURRENCY, "EUR"), keys.precision("EUR")) == (
        "EUR",
        "/transactioncurrencies(e1)",
        2,
    )
    assert crm.read == 1


def test_a_currency_that_is_added_meanwhile_is_found_without_a_restart() -> None:
    crm = Currencies(EURO)
    keys = NaturalKeys(cast("DataverseApi", crm))
    assert keys.precision("CHF") is None
    with pytest.raises(DataError):
        keys.address(CURRENCY, "CHF")
    crm.held.append(FRANC)
    assert (keys.address(CURRENCY, "CHF"), keys.precision("CHF")) == ("/transactioncurrencies(c1)", 0)

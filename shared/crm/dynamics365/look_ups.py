"""The look-ups whose rows have a natural key: it travels instead of the row's id."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LookUp:
    """A look-up column whose rows have a natural key that travels instead of the id."""

    entity_set: str
    id_column: str
    key_column: str


LOOK_UPS = {"transactioncurrencyid": LookUp("transactioncurrencies", "transactioncurrencyid", "isocurrencycode")}

"""Merged records: the loser lies in the recycle bin and names its winner (object_reference: MasterRecordId)."""

from __future__ import annotations

from simple_salesforce.format import format_soql

from shared.crm.salesforce.api import SalesforceApi

_ROUNDS = 5
"""How many mergers are followed, one after another."""


def survivor(api: SalesforceApi, table: str, record_id: str) -> str | None:
    """Return the id of the record that a merged one lives on in; None when it was not merged, or left the bin."""
    current = record_id
    for _ in range(_ROUNDS):
        condition = format_soql("Id = {}", current)
        rows = api.query(f"SELECT MasterRecordId FROM {table} WHERE {condition}", deleted=True).rows  # noqa: S608
        master = rows[0].get("MasterRecordId") if rows else None
        if not master:
            return current if current != record_id else None
        current = str(master)
    return None

"""Rows that somebody else holds: an opportunity's write locks its account, too."""

from __future__ import annotations

from collections.abc import Mapping

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.org import Org


def require_free(org: Org, values: Mapping[str, object]) -> None:
    """Refuse to write a record when it, or the account above it, is held by another transaction."""
    touched = {values.get(name) for name in ("Id", "AccountId", "OpportunityId")}
    for lock in org.locks:
        if lock.record_id in touched and lock.requests > 0:
            lock.requests -= 1
            raise RefusedError(Rule.LOCKED, id=lock.record_id, on=[])
    for record_id in sorted(str(name) for name in touched if name):
        if org.store.is_open(record_id, org.now()):
            raise RefusedError(Rule.LOCKED, id=record_id, on=[])

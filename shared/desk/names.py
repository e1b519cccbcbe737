"""The names of the deals that a page lists: a person knows a deal by its name, not by a GUID."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from shared.deal import NAME
from shared.desk.desk import Desk
from shared.errors import CosellError

MOST = 60
"""How many links are read for their names; what is listed beyond shows its id."""

_LISTS = ("parked", "attention", "deadlines", "recent")


def deal_names(desk: Desk, content: Mapping[str, Any]) -> dict[str, str]:
    """Return names by referral id, as far as they are known; none when the ledger does not answer."""
    wanted = dict.fromkeys(_wanted(content))
    found = {}
    try:
        for crm, referral_id in islice(wanted, MOST):
            link = desk.of(crm).links.of_referral(referral_id)
            if link and isinstance(name := link.base.get(NAME), str):
                found[referral_id] = name
    except CosellError:
        pass  # The page shows the ids, which it has.
    return found


def _wanted(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for row in (row for name in _LISTS for row in content.get(name, ())):
        if row["referral_id"]:
            yield row["crm"], row["referral_id"]
    for group in content.get("held", ()):
        yield from ((group["crm"], key) for key in group["examples"] if ":" not in key)

"""Held mass changes of one CRM: what they are, and letting them happen or forgetting them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from shared.bootstrap import App
from shared.desk.actions import RELEASE
from shared.desk.desk import Guarded
from shared.desk.overview import held_id
from shared.ledger.model import Due
from shared.sync import mass_change
from shared.sync.mass_change import MASS_CHANGE, Kind
from tools.admin.desks import order

EXAMPLES = 5
"""How many deals of a kind are named to a person; a program gets all."""


@dataclass(frozen=True)
class Group:
    """The held changes of one kind in one CRM, the oldest first."""

    crm: str
    kind: Kind
    held: Sequence[Due]

    def __str__(self) -> str:
        """The group as a person reads it."""
        named = ", ".join(due.key for due in self.held[:EXAMPLES])
        more = f" and {len(self.held) - EXAMPLES} more" if len(self.held) > EXAMPLES else ""
        since = f"{self.held[0].since:%Y-%m-%d %H:%M} UTC"
        return f"{self.crm}: {len(self.held)} held ({self.kind}), since {since}: {named}{more}"

    def as_data(self) -> dict[str, object]:
        """Return the group as a program reads it."""
        deals = [{"deal": due.key, "since": due.since.isoformat()} for due in self.held]
        return {"crm": self.crm, "kind": str(self.kind), "deals": deals}


def guarded(app: App, crm: str) -> Guarded:
    """Return a CRM's part of the app's storage. Raises the families."""
    return Guarded(crm, app.ledger.drawers, app.ledger.of(crm).agenda, app.queue, app.clock)


def groups(work: Guarded, kinds: Sequence[Kind]) -> Iterator[Group]:
    """Yield what is held, by kind. Raises the families."""
    held = mass_change.held(work)
    for kind in kinds:
        found = [due for due in held if due.reason == str(kind)]
        if found:
            yield Group(work.name, kind, sorted(found, key=lambda due: (due.since, due.key)))


def let_go(app: App, work: Guarded, kinds: Sequence[Kind], *, drop: bool) -> int:
    """Release or drop the held changes of these kinds, and resolve the alert when nothing is held any more.

    Each kind is noted in the audit with who ordered it. Returns how many there were. Raises the families; repeating it
    goes on where it stopped.
    """
    desk, count = replace(app.desk, crms=(work.name,)), 0
    for group in groups(work, kinds):
        answer = order(desk, {"action": RELEASE, "held": held_id(work.name, group.kind), "drop": drop})
        count += int(str(answer.content.get("count", 0)))  # Refused when somebody else was quicker.
    if not mass_change.held(work):
        app.alerts.clear(MASS_CHANGE.format(work.name))
    return count

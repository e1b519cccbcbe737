"""Waiting until what was created can be used."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shared.clock import Clock
from shared.errors import SchemaMismatch, ServiceUnavailable
from tools.admin.provision.plan import Action, Item

PAUSE = 3.0
PATIENCE = 600.0
"""Seconds between looks, and in all."""

Plan = Callable[[], Sequence[Item]]
Tell = Callable[[str], None]


def until(done: Callable[[Sequence[Item]], bool], what: str, plan: Plan, clock: Clock, tell: Tell) -> None:
    """Look at the plan again until it is done.

    Raises SchemaMismatch when what is found underway is not what is needed, ServiceUnavailable when it takes too long.
    """
    waited = 0.0
    while True:
        items = plan()
        refused = [each for each in items if each.action is Action.REFUSE]
        if refused:
            raise SchemaMismatch("; ".join(f"{each.name}: {each.note}" for each in refused))
        if done(items):
            return
        if waited >= PATIENCE:
            raise ServiceUnavailable(f"{what}: not there after {PATIENCE:.0f} s; run this again later")
        last = [each.note for each in items if each.action is not Action.KEEP][-1:]
        tell(f"waiting for {what} ({waited:.0f} s) {' '.join(last)}".rstrip())
        clock.sleep(PAUSE)
        waited += PAUSE

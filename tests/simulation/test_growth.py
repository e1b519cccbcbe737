"""The ledger grows with deals and with their audit, not with what happens to them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from shared.errors import ServiceUnavailable
from shared.ledger.model import DueKind
from shared.lifecycle import Stage
from tests.simulation.deals import shared
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.world import World


def rows(world: World) -> Counter[str]:
    """Return how many rows of each kind there are, but for the audit."""
    part = world.ledger.of(world.task.name)
    counted = Counter({f"agenda {kind}": len(list(part.agenda.all(kind))) for kind in DueKind})
    counted["links"] = len(list(part.links.all()))
    counted["intents"] = sum(part.intents.of(link.record) is not None for link in part.links.all() if link.record)
    counted.update(kind for kind, _ in world.ledger.values.texts)
    return counted


def a_day(world: World, referral_id: str, record_id: str) -> None:
    """Let happen to a deal what leaves it as it was: edits, a refusal, a pause, an outage, a close undone."""
    world.crm.edit(record_id, estimatedvalue=int(world.clock.now().timestamp()) % 1_000_000 + 1)
    world.settle()
    world.partner_center.edit(referral_id, {"/details/notes": f"at {world.clock.now()}"})
    world.settle()
    world.crm.edit(record_id, estimatedvalue=None)
    world.settle()
    world.crm.edit(record_id, estimatedvalue=5, **{SYNC: False})
    world.settle()
    world.crm.edit(record_id, **{SYNC: True})
    world.settle()
    world.tape.fail(ServiceUnavailable("answered 503"), "partner_center", "update", times=2)
    world.crm.edit(record_id, estimatedvalue=6)
    world.settle()
    world.crm.close(record_id, Stage.LOST)
    world.poll()
    world.pump()
    world.crm.reopen(record_id)
    world.settle()
    world.clock.advance(timedelta(days=1))
    world.reconcile()
    world.settle()


def test_a_deals_life_adds_no_rows_but_its_audit() -> None:
    world = World(close_delay=timedelta(minutes=5))
    referral_id, record_id = shared(world)
    a_day(world, referral_id, record_id)
    first = rows(world)
    for _ in range(5):
        a_day(world, referral_id, record_id)
    assert world.link_of_record(record_id)
    assert rows(world) == first


def test_finished_work_leaves_no_rows() -> None:
    world = World()
    record_id = world.crm.add_deal(cosell_products=None)
    world.settle()
    assert rows(world)["agenda parked"] == 1
    world.crm.edit(record_id, cosell_products="SOL-12345-ABC")
    world.settle()
    found = rows(world)
    assert (found["links"], found["agenda parked"], found["intents"], found["alert"]) == (1, 0, 0, 0)

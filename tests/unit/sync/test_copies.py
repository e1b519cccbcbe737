"""Copies: refused, released by switching the sync off, and then deals of their own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.decide.deal import Copied
from shared.decide.fights import ROUNDS, SOON
from shared.ledger.model import Due, DueKind
from shared.sync import copies
from tests.support.fakes.world import World


def test_a_copy_is_released_by_its_own_record_only() -> None:
    task = World().task
    copy, other = task.key("copy"), task.key("other")
    assert copies.copied(task, copy) is Copied.UNKNOWN
    copies.release(task, copy)
    copies.release(task, copy)
    assert copies.copied(task, copy) is Copied.RELEASED
    assert copies.copied(task, other) is Copied.UNKNOWN


@pytest.mark.parametrize(
    ("version", "copied"), [("7", Copied.OURS), ("", Copied.OURS), (None, Copied.UNKNOWN)], ids=str
)
def test_a_status_is_ours_on_a_record_that_waits_and_shows_it(version: str | None, copied: Copied) -> None:
    task = World().task
    record = task.key("record")
    now = task.clock.now()
    task.agenda.put(Due(DueKind.PARKED, record.deal, now, now, "message", record_version=version))
    assert copies.copied(task, record) is copied
    copies.refuse(task, record)
    assert copies.copied(task, record) is Copied.UNKNOWN, "a copy that waits stays one"


def test_a_refused_copy_is_not_made_ours_by_what_we_write_on_it() -> None:
    task = World().task
    record, copy = task.key("record"), task.key("copy")
    copies.refuse(task, copy)
    for each in (record, copy):
        copies.keep(task, each)
    assert copies.copied(task, record) is Copied.OURS
    assert copies.copied(task, copy) is Copied.UNKNOWN
    copies.release(task, copy)
    copies.keep(task, copy)
    assert copies.copied(task, copy) is Copied.RELEASED


def test_what_is_said_again_and_again_at_once_is_counted_whatever_the_record_is_by_then() -> None:
    world = World()
    task, record = world.task, world.task.key("record")
    told = []
    for change in (copies.keep, copies.refuse, copies.release, copies.refuse, copies.keep, copies.release):
        change(task, record)
        told.append(copies.goes_round(task, record))
    assert told == [False] * ROUNDS + [True]
    assert copies.copied(task, record) is Copied.RELEASED
    world.clock.advance(SOON + timedelta(seconds=1))
    assert not copies.goes_round(task, record)


def test_a_copied_record_becomes_a_deal_only_after_its_sync_was_off() -> None:
    world = World()
    original = world.crm.add_deal()
    world.settle()
    row = world.crm.row(original)
    cloned = {name: value for name, value in row.items() if name != "cosell_referralidentifier"}
    copy = world.crm.add_deal(**cloned)
    world.settle()
    assert len(world.partner_center.ours()) == 1
    assert str(world.crm.row(copy)["cosell_syncstatus"]).startswith("✖")
    assert world.crm.row(original) == row, "nothing else is touched"

    world.crm.edit(copy, cosell_syncwithpartnercenter=False)
    world.settle()
    assert len(world.partner_center.ours()) == 1
    world.crm.edit(copy, cosell_syncwithpartnercenter=True)
    world.settle()
    assert len(world.partner_center.ours()) == 2
    assert world.crm.row(copy)["cosell_referralidentifier"] != row["cosell_referralidentifier"]

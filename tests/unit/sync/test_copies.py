"""Copies: refused, released by switching the sync off, and then deals of their own."""

from __future__ import annotations

from shared.sync import copies
from tests.support.fakes.world import World


def test_a_copy_is_released_by_its_own_record_only() -> None:
    task = World().task
    copy, other = task.key("copy"), task.key("other")
    assert not copies.released(task, copy)
    copies.release(task, copy)
    copies.release(task, copy)
    assert copies.released(task, copy)
    assert not copies.released(task, other)


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

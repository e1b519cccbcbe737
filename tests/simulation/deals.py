"""Deals to begin a history with."""

from __future__ import annotations

from typing import Any

from tests.support.fakes.world import World

HELP = 2
"""The CRM's option for Customer technical architecture."""


def shared(world: World, **columns: Any) -> tuple[str, str]:
    """A deal that a seller has shared; returns its referral's and its record's id."""
    record_id = world.crm.add_deal(**columns)
    world.settle()
    link = world.ledger.link_of_record("dynamics365", record_id)
    assert link is not None
    return link.referral_id, record_id


def invited(world: World, **changes: object) -> tuple[str, str]:
    """A deal that Microsoft sent and that waits for a decision; returns its referral's and its record's id."""
    referral_id = world.partner_center.invites_us(**changes)
    world.settle()
    link = world.ledger.link("dynamics365", referral_id)
    assert link is not None
    return referral_id, link.record_id

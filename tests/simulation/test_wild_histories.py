"""What the app never does, whatever people and automation do to the deals (design: identity, permission, truth)."""

from __future__ import annotations

from collections import Counter

import pytest

from shared.link import Link, LinkState
from shared.status import StatusKind
from tests.simulation.agreement import disagreements
from tests.simulation.wild import WildHistory
from tests.support.fakes.partner_center import CONTOSO, MICROSOFT
from tests.support.fakes.world import World

SEEDS = 400


def check(history: WildHistory, world: World) -> None:
    """No harm was done, nothing is endless, nobody is told a lie."""
    assert history.harm == []
    assert world.queue.messages == []
    assert world.queue.poisoned == []
    links = world.links()
    ours = {row["id"] for row in world.partner_center.ours()}
    foreign = {row["id"] for row in world.partner_center.rows.values() if row["organizationId"] in (CONTOSO, MICROSOFT)}
    assert not foreign & {link.referral_id for link in links}
    tied = Counter(link.record_id for link in links if link.record and link.state is not LinkState.IGNORED)
    assert all(count == 1 for record_id, count in tied.items() if record_id in world.crm.rows()), tied
    engagements = Counter(row["engagementId"] for row in world.partner_center.ours())
    assert all(count == 1 for count in engagements.values())
    for engagement in engagements:
        assert len(world.partner_center.of_microsoft(engagement)) <= 1
    for link in links:
        if link.state is LinkState.LINKED and link.referral_id in ours and link.record_id in world.crm.rows():
            check_truth(world, link)


def check_truth(world: World, link: Link) -> None:
    """✔ means that every field agrees, but for the differences that the link names and the mapping intends."""
    if link.status and link.status.kind is StatusKind.SYNCHRONIZED and link.settled:
        assert disagreements(world, link) == []
    named = {line.partition(":")[0] for line in disagreements(world, link)}
    waits = bool(world.parked()) or bool(link.differences)
    assert named <= link.differences.keys() or waits, (named, link.differences)


@pytest.mark.parametrize("block", range(8))
@pytest.mark.parametrize("automation", [False, True], ids=["people", "people and automation"])
def test_no_history_makes_the_app_do_harm(block: int, *, automation: bool) -> None:
    for seed in range(block * SEEDS // 8, (block + 1) * SEEDS // 8):
        history = WildHistory(seed, steps=40, calm=seed % 3 == 0, closes_records=True, automation=automation)
        try:
            check(history, history.live())
        except Exception as error:
            error.add_note(f"{history!r}"[:120])
            raise

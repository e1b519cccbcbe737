"""What holds in every history when nothing happens any more: P1, P2, P5 and P7 of the reliability goals."""

from __future__ import annotations

from tests.simulation.agreement import check_tied, disagreements, waiting
from tests.simulation.histories import History
from tests.support.fakes.world import World


def check(history: History, world: World) -> None:
    """Whatever happened: in agreement, once, with every edit on both sides or in the audit."""
    links = {link.referral_id: link for link in world.links()}
    for row in world.partner_center.ours():
        link = links.pop(row["id"], None)
        if link is None or link.state == "ignored":
            assert row["status"] == "Closed"  # Before the app heard of it.
            continue
        assert link.state == "linked"
        told = {line.partition(":")[0] for line in disagreements(world, link)}
        assert told <= link.differences.keys()
        told -= waiting(world, link)
        # A record that was closed before the two were tied is left to a person: an unknown base closes nothing (P13).
        assert not told or row["status"] == "Closed" or world.crm.row(link.record_id)["statecode"] != 0
        check_tied(world, link)
        assert len(world.partner_center.of_microsoft(row["engagementId"])) <= 1
    assert links == {}
    for record_id, record in world.crm.rows().items():
        linked = world.link_of_record(record_id)
        assert linked or record["statecode"] != 0  # Closed before it was shared.
    assert history.lost_edits() == []
    assert not history.unwished() or history.interrupted()
    assert world.partner_center.refused == [], "what can be known to be refused is not asked"
    assert world.queue.messages == []
    assert world.queue.poisoned == []
    assert [parked.reason for parked in world.parked()] == []

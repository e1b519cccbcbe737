"""What must be true when nothing happens any more."""

from __future__ import annotations

import re
from itertools import takewhile

from shared.link import Link
from tests.oracle import sides
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.world import World

_OURS = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC  ")
"""How a line of ours begins in the Audit column; below ours stand another connector's."""

UNDECIDED = ("invitation_undecided", "waiting")
"""How a link names a field that waits: the reason, and what it means."""


def disagreements(world: World, link: Link) -> list[str]:
    """Return, field by field, where the two sides or the base of a link are not equal, as the oracle has it."""
    referral, crm = world.partner_center.rows[link.referral_id], world.crm_of(link)
    # The fake of the second CRM has the columns of the first.
    apart = sides.apart(referral, crm.row(link.record_id), digits=crm.value_digits)
    names = {each.field for each in apart}
    false = sides.false_base(referral, crm.row(link.record_id), link.base)
    return [str(each) for each in apart] + [f"{each}, the base" for each in false if each.field not in names]


def waiting(world: World, link: Link) -> set[str]:
    """Return the fields of an undecided invitation that the seller edited: they wait until it is accepted.

    Partner Center's row must be undecided, and the link must name them with that reason.
    """
    may = sides.may_wait(world.partner_center.rows[link.referral_id])
    told = {
        name for name, each in link.apart.items() if (each.reason, each.stays) == ("invitation_undecided", "waiting")
    }
    return told & may


def accept_invitations(world: World) -> None:
    """Let every undecided invitation whose edits wait be accepted in Partner Center, and everything come to rest."""
    for link in world.links():
        if waiting(world, link):
            world.partner_center.accept(link.referral_id)
    world.settle()
    world.recover()


def check_agreed(world: World, *, deals: int = 1) -> None:
    """Every deal has one row on each side, linked, with equal values, and nothing waits (P2, P5, P7)."""
    links = world.links()
    assert len(links) == deals, links
    assert len(world.partner_center.ours()) == deals
    assert len(world.crm.rows()) == deals
    for link in links:
        assert link.state == "linked"
        assert disagreements(world, link) == []
        assert not link.differences
        check_tied(world, link)
        assert len(world.partner_center.of_microsoft(link.engagement_id)) <= 1
    assert world.partner_center.refused == [], "the app asks for nothing of which it can know that it is refused"
    assert world.queue.messages == []
    assert world.queue.poisoned == []
    assert list(world.parked()) == []


def check_at_rest(world: World) -> None:
    """The only deal agrees; of one that ended in opposite ways each side keeps its own end, and a person is told."""
    (link,) = world.links()
    ends = (
        world.partner_center.rows[link.referral_id]["substatus"],
        world.crm_of(link).row(link.record_id)["statecode"],
    )
    if ends not in {("Won", 2), ("Lost", 1)}:
        check_agreed(world)
        return
    assert [each.split(":")[0] for each in disagreements(world, link)] == ["status"]
    assert list(link.differences) == ["status"]
    assert link.status
    assert link.status.kind == "attention"
    check_tied(world, link)
    assert world.queue.messages == []


def check_tied(world: World, link: Link) -> None:
    """Referral and record name each other; one that was closed before it could be told takes no more writes."""
    row = world.crm_of(link).row(link.record_id)
    assert row[IDENTIFIER] == link.referral_id or row["statecode"] != 0
    referral = world.partner_center.rows[link.referral_id]
    assert referral["externalReferenceId"] == link.record_id or referral["status"] == "Closed"


def check_audit(world: World) -> None:
    """An open record's Audit has every line that was committed, and none that was not, while every change is shown."""
    for link in world.links():
        row = world.crm_of(link).row(link.record_id)
        shown = takewhile(_OURS.match, str(row["cosell_audit"]).split("\n"))
        assert row["statecode"] != 0 or set(shown) == set(link.recent_audit)

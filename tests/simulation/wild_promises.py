"""What the app never does, whatever people and automation do to the deals (design: identity, permission, truth)."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from shared.link import Link, LinkState
from shared.messages import Messages
from shared.status import StatusKind
from shared.sync import mass_change
from tests.simulation.agreement import disagreements
from tests.simulation.wild import WildHistory
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import SYNC, CrmRow
from tests.support.fakes.partner_center import CONTOSO, MICROSOFT
from tests.support.fakes.world import World

STATUS = "cosell_syncstatus"
MESSAGES = Messages()
Body = dict[str, Any]


def check(history: WildHistory, world: World) -> None:
    """Whatever happened: no harm, no end of ends, no edit lost, no lie."""
    check_no_harm(history, world)
    check_records(history, world)
    check_no_mass(history)
    check_no_edit_is_lost(history, world)


def check_no_harm(history: WildHistory, world: World) -> None:
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


def check_records(history: WildHistory, world: World) -> None:
    """What the seller reads: a record that shows ✔ agrees with its referral, and nobody's copy shows it."""
    for record_id, row in world.crm.rows().items():
        shown, locked = str(row[STATUS]), history.read_only and row["statecode"] != 0
        link = world.link_of_record(record_id)
        if link and link.state is LinkState.PAUSED and not locked:
            assert not shown.startswith("✔"), f"{record_id} is paused and shows {shown}"
        if not (shown.startswith("✔") and row[SYNC]) or locked:
            continue
        # A plug-in may clear the identifier each time.
        identifier = row[IDENTIFIER] or (link.referral_id if link else None)
        referral = world.partner_center.rows.get(str(identifier))
        assert referral, f"{record_id} shows {shown} without a referral"
        kept = shown.partition("kept:")[2].partition("check:")[0]
        if "see Audit" in kept and link:  # They are too many to be named.
            kept = " ".join(MESSAGES.name(each) for each in link.differences)
        assert [each for each in unequal(row, referral) if each not in kept] == [], shown


def unequal(row: CrmRow, referral: Body) -> list[str]:
    """Compare a record with its referral as a person would, with no help of the app's."""
    details = referral["details"]
    value = row["estimatedvalue"]
    state = {"New": 0, "Active": 0}.get(referral["status"], 1 if referral["substatus"] == "Won" else 2)
    sold = {each["id"] for each in details["requirements"]["solutions"]}
    pairs = {
        "name": (row["name"], referral["name"].replace("&amp;", "&")),
        "deal value": (
            None if value is None else Decimal(str(value)),
            details["dealValue"] and Decimal(str(details["dealValue"])),
        ),
        "currency": (row["transactioncurrencyid"], details["currency"]),
        "closing date": (row["estimatedclosedate"], str(details["closingDateTime"])[:10]),
        "notes": (str(row["description"] or "").strip(), str(details["notes"] or "").strip()),
        "products": ({each.strip() for each in str(row["cosell_products"] or "").split(",")} - {""}, sold),
        "status": (row["statecode"], state),
    }
    return [name for name, (here, there) in pairs.items() if here != there]


def check_no_edit_is_lost(history: WildHistory, world: World) -> None:
    """P1: what was typed last is on both sides, or told in the audit; where nothing waits for a person."""
    waiting = {due.key for due in world.parked()} | {due.key for due in mass_change.held(world.task)}
    linked = {
        each
        for link in world.links()
        if link.state is LinkState.LINKED and link.referral_id not in waiting
        if world.crm.rows().get(link.record_id, {}).get(SYNC)
        for each in (link.referral_id, link.record_id)
        if link.referral_id in world.partner_center.rows
    }
    history.edits = {key: edit for key, edit in history.edits.items() if key[1] in linked}
    assert history.lost_edits() == []


def check_no_mass(history: WildHistory) -> None:
    """P9: nobody released anything, so no more deals were ended within an hour than the limit says."""
    ends = history.closed_by_the_app()
    for first in ends:
        assert sum(first <= each < first + mass_change.WINDOW for each in ends) <= history.mass_deals, ends


def check_truth(world: World, link: Link) -> None:
    """✔ means that every field agrees, but for the differences that the link names and the mapping intends."""
    told_elsewhere = link.referral_id in {due.key for due in world.parked()}  # The record is locked, and cannot say it.
    if link.status and link.status.kind is StatusKind.SYNCHRONIZED and link.settled and not told_elsewhere:
        assert disagreements(world, link) == []
    named = {line.partition(":")[0] for line in disagreements(world, link)}
    held = link.referral_id in {due.key for due in mass_change.held(world.task)}  # Until somebody releases the deal.
    waits = bool(world.parked()) or bool(link.differences) or held
    assert named <= link.differences.keys() or waits, (named, link.differences)

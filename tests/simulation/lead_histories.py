"""Random histories of leads: they arrive, people qualify and disqualify them here, and accept and end them there.

What a lead's rows mean is told here anew, with no help of the product's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared.link import Link, LinkState
from tests.simulation.agreement import check_tied, disagreements
from tests.simulation.histories import DEALS, NOTES, VALUE, Edit, History
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import CrmRow
from tests.support.fakes.leads import FakeLeads
from tests.support.fakes.referral_rules import at
from tests.support.fakes.world import World

KINDS = ("Direct", "SalesQualified", "MarketingQualified")
"""The qualifications of an Independent referral by which Microsoft's invitation is a lead."""

COLUMNS = {VALUE: "budgetamount", NOTES: "description"}
"""What a seller may change of a lead that goes to Partner Center."""

QUALIFIED, DISQUALIFIED = 1, 2


@dataclass
class LeadHistory(History):
    """A history whose deals are leads of Microsoft's, each of which may become an opportunity."""

    @property
    def leads(self) -> FakeLeads:
        """The table of leads."""
        assert self.world.leads
        return self.world.leads

    def acts(self) -> list[tuple[int, Callable[[], None]]]:
        """Return what may happen: of a seller's acts those on leads, and on the opportunities that came of them."""
        return [
            *super().acts(),
            (8, self._edit_lead),
            (3, self._qualify),
            (2, self._disqualify),
            (2, self._accept_referral),
        ]

    def _new_deal(self) -> None:
        if self.counts["deals"] < DEALS:
            self.counts["deals"] += 1
            self.world.partner_center.invites_us(type="Independent", qualification=self.chance.choice(KINDS))

    def _open_lead(self) -> str | None:
        rows = [row_id for row_id, row in self.leads.rows().items() if row["statecode"] == 0]
        return self.chance.choice(rows) if rows else None

    def _edit_lead(self) -> None:
        if lead_id := self._open_lead():
            pointer = self.chance.choice(list(COLUMNS))
            value, shown = self._value(pointer)
            self.leads.edit(lead_id, **{COLUMNS[pointer]: value})
            self.edits["record", lead_id, pointer] = Edit(pointer, shown)
            self.counts["edits"] += 1

    def _qualify(self) -> None:
        if lead_id := self._open_lead():
            without = self.chance.random() < 0.1
            opportunity = self.leads.qualify(lead_id, None if without else self.world.crm)
            if opportunity:  # What was typed on the lead is on the opportunity now.
                for pointer in COLUMNS:
                    if edit := self.edits.pop(("record", lead_id, pointer), None):
                        self.edits["record", opportunity, pointer] = edit

    def _disqualify(self) -> None:
        if lead_id := self._open_lead():
            self.leads.disqualify(lead_id)

    def _accept_referral(self) -> None:
        rows = [row["id"] for row in self.world.partner_center.ours() if row["status"] == "New"]
        if rows:
            self.world.partner_center.accept(self.chance.choice(rows))

    def _close_referral(self) -> None:
        rows = [row for row in self.world.partner_center.ours() if row["status"] != "Closed"]
        if rows:
            row = self.chance.choice(rows)
            ends = ("Declined", "Expired") if row["status"] == "New" else ("Won", "Lost")
            self.world.partner_center.close(row["id"], self.chance.choice(ends))
            self.counts["edits"] += 1

    def record_of(self, link: Link) -> CrmRow:
        """Return the record of a link, in whatever table it is."""
        assert link.record
        crm = self.leads if link.record.table == "lead" else self.world.crm
        return crm.row(link.record.id)

    def lost_edits(self) -> list[str]:
        """Return the newest edits that are neither on both sides nor in the audit (P1)."""
        lost, parked = [], {due.key for due in self.world.parked()}
        for (side, row_id, pointer), edit in self.edits.items():
            link = self._link(side, row_id)
            if link and link.referral_id in parked:
                continue  # It waits for a person, as its alert says.
            if link is None or link.state is LinkState.IGNORED:
                if side == "referral" and self.world.partner_center.rows[row_id]["status"] != "Closed":
                    lost.append(f"{side} {edit}: no link")
                continue
            column = self._column(link, pointer)
            row, referral = self.record_of(link), self.world.partner_center.rows[link.referral_id]
            held = [str(at(referral, pointer))] + ([str(row[column])] if column else [])
            told = any(edit.shown in f"{each.text} {each.changes}" for each in self.world.audit_of(link.referral_id))
            if not told and not all(each.startswith(edit.shown) for each in held):
                lost.append(f"{side} {edit}: sides hold {held}")
        return lost

    def _column(self, link: Link, pointer: str) -> str | None:
        """Return where a record holds what a pointer names; a lead has no closing date."""
        of_deal = {VALUE: "estimatedvalue", NOTES: "description"}.get(pointer, "estimatedclosedate")
        return COLUMNS.get(pointer) if link.record and link.record.table == "lead" else of_deal

    def _link(self, side: str, row_id: str) -> Link | None:
        if side == "referral":
            return self.world.ledger.of("dynamics365").links.of_referral(row_id)
        table = "lead" if row_id in self.leads.rows() else "opportunity"
        task = self.world.task.at(table)
        assert task
        return self.world.ledger.of("dynamics365").links.of_record(task.key(row_id))


def check_leads(history: LeadHistory, world: World) -> None:
    """Each lead of Microsoft's has one record, a lead or the opportunity that came of it, and the two agree."""
    links = {link.referral_id: link for link in world.links()}
    waiting = {code for due in world.parked() for code in (each.code for each in due.problems)}
    assert waiting <= {"lead.without_opportunity", "lead.opportunity_closed"}, waiting
    assert world.queue.messages == []
    assert world.queue.poisoned == []
    for row in world.partner_center.ours():
        link = links.pop(row["id"], None)
        leads = [row_id for row_id, each in history.leads.rows().items() if each[IDENTIFIER] == row["id"]]
        deals = [row_id for row_id, each in world.crm.rows().items() if each[IDENTIFIER] == row["id"]]
        assert len(leads) <= 1, leads
        assert len(deals) <= 1, deals
        if link is None or link.state is LinkState.IGNORED:
            assert row["status"] == "Closed"  # Before the app heard of it.
            assert deals == []
            assert all(history.leads.row(each)["statecode"] != 0 for each in leads), "it was made, and ended before"
            continue
        # An opportunity that ended before it was tied to a referral that is over takes no Sync any more.
        untied = row["status"] == "Closed" and deals == [] and link.state is LinkState.PAUSED
        if untied:
            continue
        assert link.state is LinkState.LINKED
        assert link.record
        assert link.record.id in (leads if link.record.table == "lead" else deals)
        if link.record.table == "lead":
            check_lead(history, link, row)
        else:
            check_opportunity(history, link, row, leads)
    assert links == {}
    assert history.lost_edits() == []


def check_lead(history: LeadHistory, link: Link, referral: dict[str, Any]) -> None:
    """A lead agrees with its referral, and nobody qualified it to an opportunity without the deal going along."""
    lead = history.record_of(link)
    ended = referral["status"] == "Closed"
    waits = link.referral_id in {due.key for due in history.world.parked()}
    assert waits or not history.leads.qualified.get(str(link.record_id)), "its opportunity is the deal's record"
    assert referral["externalReferenceId"] == link.record_id or ended or waits
    if lead["statecode"] == DISQUALIFIED:
        assert ended or "status" in link.differences  # Before it was tied: an unknown base declines nothing (P13).
    elif lead["statecode"] == 0 and ended:
        assert referral["substatus"] == "Won" or link.differences  # A person decides; the status says so.
        assert not str(lead["cosell_syncstatus"]).startswith("✔")
    elif lead["statecode"] == QUALIFIED:
        return  # Without an opportunity: a person has to name one.
    named = set(link.differences)
    assert set(unequal(lead, referral)) <= named, (unequal(lead, referral), named)


def unequal(lead: CrmRow, referral: dict[str, Any]) -> list[str]:
    """Compare a lead with its referral as a person would; returns what differs."""
    details, customer = referral["details"], referral["customerProfile"]
    person = customer["team"][0]
    value = lead["budgetamount"]
    sold = {each["id"] for each in details["requirements"]["solutions"]}
    pairs = {
        "name": (lead["subject"], referral["name"].replace("&amp;", "&")),
        "company": (lead["companyname"], customer["name"].replace("&amp;", "&")),
        "last_name": (lead["lastname"], person["lastName"]),
        "email": (lead["emailaddress1"], person["email"]),
        "postal_code": (lead["address1_postalcode"], customer["address"]["postalCode"]),
        "deal_value": (value and Decimal(str(value)), details["dealValue"] and Decimal(str(details["dealValue"]))),
        "currency": (lead["transactioncurrencyid"], details["currency"]),
        "notes": (str(lead["description"] or "").strip(), str(details["notes"] or "").strip()),
        "solutions": ({each.strip() for each in str(lead["cosell_products"] or "").split(",")} - {""}, sold),
    }
    return [name for name, (here, there) in pairs.items() if here != there]


def check_opportunity(history: LeadHistory, link: Link, referral: dict[str, Any], leads: list[str]) -> None:
    """An opportunity came of a lead that somebody qualified, or of one that was accepted before there was a record."""
    world = history.world
    assert all(history.leads.qualified.get(each) == link.record_id for each in leads)
    assert referral["status"] != "New", "qualifying accepts"
    told = {line.partition(":")[0] for line in disagreements(world, link)}
    assert told <= link.differences.keys(), (told, json.dumps(sorted(link.differences)))
    check_tied(world, link)


def lead_history(seed: int, only: frozenset[int] | None = None) -> LeadHistory:
    """Return the history of a seed: in every second one sellers close the opportunities that came of leads."""
    return LeadHistory(seed, closes_records=seed % 2 == 1, only=only)

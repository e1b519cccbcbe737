"""The two heart scenarios and what sellers get wrong, step by step, with the seller at any CRM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from tools.local.demo.run import Step, StepFailed
from tools.local.stack import Stack
from tools.simulators.sellers.seller import Deal, Lead, Seller

Row = Mapping[str, Any]


def steps(stack: Stack) -> tuple[Step, ...]:
    """Return what happens on a running stack: the registration, then both scenarios for each of its CRMs."""
    register = Step("The admin pastes the receiver's URL into RegisterWebhook", lambda: _register(stack), stack.crm)
    return (register, *(step for seller in stack.sellers.values() for step in Scenarios(stack, seller).steps()))


def _register(stack: Stack) -> str:
    answer = stack.register(send_test_event=True)
    if answer.status_code != 200:
        raise StepFailed(f"RegisterWebhook answered {answer.status_code}: {answer.text}")
    content = answer.json()
    result = content["test_event"]["results"]
    if not result or result[-1]["response_code"] != "OK":
        raise StepFailed(f"the test event was not delivered: {content['test_event']}")
    return f"{content['status']}: {', '.join(content['events'])}; test event delivered: {result[-1]['response_code']}"


class Scenarios:
    """Both scenarios with one CRM; the steps build on one another."""

    def __init__(self, stack: Stack, seller: Seller) -> None:
        self._stack = stack
        self._seller = seller
        self._deals: dict[str, tuple[str, str]] = {}
        """Referral id and record id of the two deals, by how they began."""

    def steps(self) -> tuple[Step, ...]:
        """Return the steps in order."""
        where = f"{self._seller.title}: " if len(self._stack.sellers) > 1 else ""
        acts = {
            "A seller creates an opportunity with Sync = Yes": self._share,
            "The seller edits value and closing date": self._edit_in_crm,
            "Microsoft sends a referral to Partner Center": self._invite,
            "A Partner Center user edits value and notes": self._edit_in_partner_center,
            "Both edit different fields at once": self._edit_both,
            "Both edit the same field": self._conflict,
            "The seller takes the invitation off hold": self._accept,
            "Microsoft accepts, and names its seller": self._answer,
            "The seller asks Microsoft for help on a deal that was private": self._ask_later,
            "Microsoft declines, and says why": self._refuse,
            "The seller copies that deal, and switches the copy's Sync off and on": self._copy,
            "The seller wins the deal, and takes it back within the undo window": self._take_back,
            "The seller declines an invitation, and says why": self._decline,
            "A lead of Microsoft's marketplace is qualified, and goes on as an opportunity": self._qualify,
            "A lead of Microsoft's marketplace is disqualified, and Microsoft is told why": self._disqualify,
            "The seller wins the deal": self._win,
        }
        return tuple(Step(f"{where}{title}", act, self._seller) for title, act in acts.items())

    def _share(self) -> str:
        record_id = self._seller.opportunity()
        deal = self._record(record_id, lambda deal: deal.referral_identifier, "referral identifier on the record")
        self._deals["shared"] = deal.referral_identifier, record_id
        rows = [each for each in self._stack.partner_center.referrals() if each["externalReferenceId"] == record_id]
        sides = sorted("Microsoft's" if each["organizationId"] == "msft" else "ours" for each in rows)
        if sides != ["Microsoft's", "ours"]:
            raise StepFailed(f"the engagement has the rows {sides}")
        return f"referral {deal.referral_identifier[:8]}… with Microsoft invited; the seller sees: {deal.sync_status}"

    def _edit_in_crm(self) -> str:
        referral_id, record_id = self._deal("shared")
        self._seller.edit(record_id, deal_value=Decimal("51500.50"), closing_date=date(2027, 9, 15))
        row = self._referral(
            referral_id,
            lambda row: row["details"]["dealValue"] == 51500.5 and _closing(row) == "2027-09-15",
            "value and date on the referral",
        )
        return f"deal value {row['details']['dealValue']}, closing {_closing(row)} on the referral"

    def _invite(self) -> str:
        referral_id = str(self._stack.partner_center.portal.create_referral()["id"])
        deal = self._stack.eventually(lambda: next(iter(self._seller.find(referral_id)), None), "opportunity for it")
        self._deals["received"] = referral_id, deal.id
        account = self._seller.account(deal.account_id)
        self._referral(referral_id, self._names_its_record, "record id on the referral")
        return (
            f"opportunity “{deal.name}”, {deal.deal_value}, closing {deal.closing_date}, on hold until the "
            f"seller decides; account {account.name}, {account.city}"
        )

    def _deal(self, beginning: str) -> tuple[str, str]:
        if beginning not in self._deals:
            raise StepFailed(f"not done: no deal was {beginning}")
        return self._deals[beginning]

    def _names_its_record(self, row: Row) -> bool:
        """Whether the referral carries its record's id: with several CRMs, that of the first to have one."""
        found = [deal.id for seller in self._stack.sellers.values() for deal in seller.find(str(row["id"]))]
        return row["externalReferenceId"] in found

    def _edit_in_partner_center(self) -> str:
        referral_id, record_id = self._deal("received")
        change = {"/details/dealValue": 64000, "/details/notes": "Scope grew."}
        self._stack.partner_center.portal.edit(referral_id, change)
        deal = self._record(
            record_id,
            lambda deal: deal.deal_value == 64000 and deal.notes == "Scope grew.",
            "value and notes on the record",
        )
        return f"deal value {deal.deal_value}, notes “{deal.notes}” on the opportunity"

    def _edit_both(self) -> str:
        referral_id, record_id = self._deal("shared")
        notes = "Customer asked for a pilot first."
        self._seller.edit(record_id, closing_date=date(2027, 10, 31))
        self._stack.partner_center.portal.edit(referral_id, {"/details/notes": notes})
        deal = self._record(record_id, lambda deal: deal.notes == notes, "notes on the record")
        row = self._referral(referral_id, lambda row: _closing(row) == "2027-10-31", "date on the referral")
        if deal.closing_date != date(2027, 10, 31) or row["details"]["notes"] != deal.notes:
            raise StepFailed("one of the two edits was lost")
        return "the date from the CRM and the notes from Partner Center are on both sides"

    def _conflict(self) -> str:
        referral_id, record_id = self._deal("shared")
        self._seller.edit(record_id, deal_value=Decimal(70000))
        self._stack.partner_center.portal.edit(referral_id, {"/details/dealValue": 65000})
        self._referral(referral_id, lambda row: row["details"]["dealValue"] == 70000, "the CRM's value on the referral")
        deal = self._record(
            record_id,
            lambda deal: _line_with(deal.audit, "65000", "70000"),
            "a line with both values in the audit",
        )
        line = _line_with(deal.audit, "65000", "70000")
        return f"the seller owns the value: 70000 on both sides. Audit: {line}"

    def _accept(self) -> str:
        referral_id, record_id = self._deal("received")
        self._seller.accept(record_id)
        row = self._referral(referral_id, lambda row: row["status"] == "Active", "acceptance of the invitation")
        return f"the invitation is accepted: {row['status']}/{row['substatus']}"

    def _answer(self) -> str:
        referral_id, record_id = self._deal("shared")
        engagement = self._engagement(referral_id)
        self._stack.partner_center.microsoft.accept(engagement)
        self._stack.partner_center.microsoft.add_seller(engagement, first_name="Ines", last_name="Field")
        deal = self._record(
            record_id, lambda deal: "Field, Ines" in deal.microsoft_team, "Microsoft's seller on the record"
        )
        if deal.microsoft_status != "Accepted":
            raise StepFailed(f"Microsoft status says {deal.microsoft_status}")
        return f"{deal.microsoft_status}; {deal.microsoft_team}"

    def _ask_later(self) -> str:
        record_id = self._seller.opportunity(help="")
        deal = self._record(record_id, lambda deal: deal.referral_identifier, "referral identifier on the record")
        self._deals["private"] = deal.referral_identifier, record_id
        self._seller.edit(record_id, help="CustomerTechnicalArchitecture", notes_for_microsoft="An architect, please.")
        invited = self._record(record_id, lambda deal: deal.microsoft_status == "Invited", "Invited on the record")
        engagement = self._engagement(deal.referral_identifier)
        rows = [row for row in self._stack.partner_center.referrals() if row["engagementId"] == engagement]
        theirs = [row["inviteContext"] for row in rows if row["organizationId"] == "msft"]
        if [each["notes"] for each in theirs] != ["An architect, please."]:
            raise StepFailed(f"Microsoft was invited {len(theirs)} times: {theirs}")
        asked = f"{theirs[0]['assistanceRequestCode']}, “{theirs[0]['notes']}”"
        return f"Microsoft is invited once: {asked}; {invited.sync_status}"

    def _refuse(self) -> str:
        referral_id, record_id = self._deal("private")
        self._stack.partner_center.microsoft.decline(self._engagement(referral_id), "No seller for the account")
        deal = self._record(record_id, lambda deal: deal.microsoft_status.startswith("Declined"), "the refusal")
        row = self._stack.partner_center.referral(referral_id)
        return f"{deal.microsoft_status}; our own half goes on: {row['status']}/{row['substatus']}"

    def _engagement(self, referral_id: str) -> str:
        return str(self._stack.partner_center.referral(referral_id)["engagementId"])

    def _copy(self) -> str:
        referral_id, record_id = self._deal("private")
        copy = self._seller.clone(record_id, keep_identifier=False)
        refused = self._record(copy, lambda deal: deal.sync_status.startswith("✖"), "✖ on the copy")
        if refused.referral_identifier:
            raise StepFailed("the copy was shared without being asked for")
        self._seller.edit(copy, sync=False)
        self._polled()
        self._seller.edit(copy, sync=True, contact=True)  # Salesforce copies no contact role, and Microsoft wants one.
        shared = self._record(copy, lambda deal: deal.referral_identifier, "referral identifier on the copy")
        if shared.referral_identifier == referral_id:
            raise StepFailed("the copy took the deal's own referral")
        return f"{refused.sync_status} Then: referral {shared.referral_identifier[:8]}… of its own"

    def _take_back(self) -> str:
        referral_id, record_id = self._deal("shared")
        self._seller.win(record_id)
        self._polled()
        self._seller.reopen(record_id)
        deal = self._record(
            record_id,
            lambda deal: _line_with(deal.audit, "to cancel") and deal.sync_status.startswith("✔"),
            "the open window in the audit, and ✔",
        )
        row = self._stack.partner_center.referral(referral_id)
        if row["status"] != "Active":
            raise StepFailed(f"Partner Center was told: {row['status']}/{row['substatus']}")
        return f"{row['status']}/{row['substatus']} in Partner Center. Audit: {_line_with(deal.audit, 'to cancel')}"

    def _polled(self) -> None:
        """Wait for a poll that began after this moment and was handed over: the first may be under way already."""
        until = self._seller.polls() + 3
        self._stack.eventually(lambda: self._seller.polls() >= until, "the next polls")

    def _decline(self) -> str:
        referral_id = str(self._stack.partner_center.portal.create_referral()["id"])
        deal = self._stack.eventually(lambda: next(iter(self._seller.find(referral_id)), None), "opportunity for it")
        self._seller.edit(deal.id, close_reason="Timeline too short")
        self._seller.lose(deal.id)
        row = self._referral(referral_id, lambda row: row["substatus"] == "Declined", "the decline in Partner Center")
        if row["statusReason"] != "Timeline too short":
            raise StepFailed(f"Partner Center was told: {row['statusReason']}")
        return f"{row['status']}/{row['substatus']}: {row['statusReason']}, in one change"

    def _qualify(self) -> str:
        referral_id, lead = self._marketplace_lead()
        opportunity = self._seller.qualify(lead.id)
        row = self._referral(referral_id, lambda row: row["status"] == "Active", "acceptance of the lead")
        deal = self._record(opportunity, lambda deal: deal.sync_status.startswith("✔"), "✔ on the opportunity")
        return (
            f"the lead of {lead.company}, to be decided by {lead.decide_by}, is {row['status']}/{row['substatus']}; "
            f"its opportunity “{deal.name}” has the referral: {deal.sync_status}"
        )

    def _disqualify(self) -> str:
        referral_id, lead = self._marketplace_lead()
        self._seller.disqualify(lead.id, "Not a customer")
        row = self._referral(referral_id, lambda row: row["substatus"] == "Declined", "the decline in Partner Center")
        if row["statusReason"] != "Not a customer":
            raise StepFailed(f"Partner Center was told: {row['statusReason']}")
        return f"{row['status']}/{row['substatus']}: {row['statusReason']}"

    def _marketplace_lead(self) -> tuple[str, Lead]:
        """Let a customer ask for the partner in Microsoft's marketplace; returns the referral's id, and the lead."""
        referral_id = str(self._stack.partner_center.portal.create_referral("marketplace-lead")["id"])
        lead = self._stack.eventually(lambda: next(iter(self._seller.leads(referral_id)), None), "lead for it")
        if self._seller.find(referral_id):
            raise StepFailed("an undecided lead became an opportunity")
        return referral_id, lead

    def _win(self) -> str:
        referral_id, record_id = self._deal("shared")
        self._seller.win(record_id)
        row = self._referral(referral_id, lambda row: row["substatus"] == "Won", "the win in Partner Center")
        return f"{row['status']}/{row['substatus']} in Partner Center"

    def _referral(self, referral_id: str, is_so: Callable[[Row], object], what: str) -> Row:
        def look() -> Row | None:
            row = self._stack.partner_center.referral(referral_id)
            return row if is_so(row) else None

        return self._stack.eventually(look, what)

    def _record(self, record_id: str, is_so: Callable[[Deal], object], what: str) -> Deal:
        def look() -> Deal | None:
            deal = self._seller.deal(record_id)
            return deal if is_so(deal) else None

        return self._stack.eventually(look, what)


def _closing(row: Row) -> str:
    return str(row["details"]["closingDateTime"][:10])


def _line_with(text: str, *words: str) -> str | None:
    return next((line for line in text.splitlines() if all(word in line for word in words)), None)

"""The two heart scenarios, step by step, for Dynamics 365."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tools.demo.run import Step, StepFailed
from tools.stage import Stage, opportunity

Row = Mapping[str, Any]

_deals: dict[str, tuple[str, str]] = {}
"""Referral id and record id of the two deals, by who created them; filled by the steps that create."""


def _register(stage: Stage) -> str:
    answer = stage.register(send_test_event=True)
    if answer.status_code != 200:
        raise StepFailed(f"RegisterWebhook answered {answer.status_code}: {answer.text}")
    content = answer.json()
    result = content["test_event"]["results"]
    if not result or result[-1]["response_code"] != "OK":
        raise StepFailed(f"the test event was not delivered: {content['test_event']}")
    return f"{content['status']}: {', '.join(content['events'])}; test event delivered: {result[-1]['response_code']}"


def _share(stage: Stage) -> str:
    record_id = opportunity(stage)
    row = _record(stage, record_id, lambda row: row["cosell_referralidentifier"], "referral identifier on the record")
    referral_id = row["cosell_referralidentifier"]
    _deals["crm"] = referral_id, record_id
    rows = [each for each in stage.partner_center.referrals() if each["externalReferenceId"] == record_id]
    sides = sorted("Microsoft's" if each["organizationId"] == "msft" else "ours" for each in rows)
    if sides != ["Microsoft's", "ours"]:
        raise StepFailed(f"the engagement has the rows {sides}")
    return f"referral {referral_id[:8]}… with Microsoft invited; the seller sees: {row['cosell_syncstatus']}"


def _edit_in_crm(stage: Stage) -> str:
    referral_id, record_id = _deals["crm"]
    stage.dataverse.seller.edit(record_id, estimatedvalue=Decimal("51500.50"), estimatedclosedate="2027-09-15")
    row = _referral(
        stage,
        referral_id,
        lambda row: row["details"]["dealValue"] == 51500.5 and row["details"]["closingDateTime"][:10] == "2027-09-15",
        "value and date on the referral",
    )
    return f"deal value {row['details']['dealValue']}, closing {row['details']['closingDateTime'][:10]} on the referral"


def _invite(stage: Stage) -> str:
    referral_id = stage.partner_center.portal.create_referral()["id"]
    row = stage.eventually(lambda: _opportunity_of(stage, referral_id), "opportunity for the referral")
    record_id = str(row["opportunityid"])
    _deals["partner_center"] = referral_id, record_id
    account = stage.dataverse.seller.row("account", str(row["customerid"]))
    _referral(stage, referral_id, lambda held: held["externalReferenceId"] == record_id, "record id on the referral")
    return (
        f"opportunity “{row['name']}”, {row['estimatedvalue']}, closing {row['estimatedclosedate']}, on hold until the "
        f"seller decides; account {account['name']}, {account['address1_city']}"
    )


def _edit_in_partner_center(stage: Stage) -> str:
    referral_id, record_id = _deals["partner_center"]
    stage.partner_center.portal.edit(referral_id, {"/details/dealValue": 64000, "/details/notes": "Scope grew."})
    row = _record(
        stage,
        record_id,
        lambda row: row["estimatedvalue"] == 64000 and row["description"] == "Scope grew.",
        "value and notes on the record",
    )
    return f"estimated value {row['estimatedvalue']}, description “{row['description']}” on the opportunity"


def _edit_both(stage: Stage) -> str:
    referral_id, record_id = _deals["crm"]
    stage.dataverse.seller.edit(record_id, estimatedclosedate="2027-10-31")
    stage.partner_center.portal.edit(referral_id, {"/details/notes": "Customer asked for a pilot first."})
    record = _record(
        stage, record_id, lambda row: row["description"] == "Customer asked for a pilot first.", "notes on the record"
    )
    referral = _referral(
        stage, referral_id, lambda row: row["details"]["closingDateTime"][:10] == "2027-10-31", "date on the referral"
    )
    if str(record["estimatedclosedate"]) != "2027-10-31" or referral["details"]["notes"] != record["description"]:
        raise StepFailed("one of the two edits was lost")
    return "the date from the CRM and the notes from Partner Center are on both sides"


def _conflict(stage: Stage) -> str:
    referral_id, record_id = _deals["crm"]
    stage.dataverse.seller.edit(record_id, estimatedvalue=Decimal(70000))
    stage.partner_center.portal.edit(referral_id, {"/details/dealValue": 65000})
    _referral(stage, referral_id, lambda row: row["details"]["dealValue"] == 70000, "the CRM's value on the referral")
    record = _record(
        stage,
        record_id,
        lambda row: _line_with(row["cosell_audit"], "65000", "70000"),
        "a line with both values in the audit",
    )
    line = _line_with(record["cosell_audit"], "65000", "70000")
    return f"the seller owns the value: 70000 on both sides. Audit: {line}"


def _accept(stage: Stage) -> str:
    referral_id, record_id = _deals["partner_center"]
    stage.dataverse.seller.edit(record_id, statuscode=1)
    row = _referral(stage, referral_id, lambda row: row["status"] == "Active", "acceptance of the invitation")
    return f"the invitation is accepted: {row['status']}/{row['substatus']}"


def _win(stage: Stage) -> str:
    referral_id, record_id = _deals["crm"]
    stage.dataverse.seller.win(record_id)
    row = _referral(stage, referral_id, lambda row: row["substatus"] == "Won", "the win in Partner Center")
    return f"{row['status']}/{row['substatus']} in Partner Center"


def _line_with(text: object, *words: str) -> str | None:
    return next((line for line in str(text).splitlines() if all(word in line for word in words)), None)


def _referral(stage: Stage, referral_id: str, is_so: Callable[[Row], object], what: str) -> Row:
    def look() -> Row | None:
        row = stage.partner_center.referral(referral_id)
        return row if is_so(row) else None

    return stage.eventually(look, what)


def _record(stage: Stage, record_id: str, is_so: Callable[[Row], object], what: str) -> Row:
    def look() -> Row | None:
        row = stage.dataverse.seller.row("opportunity", record_id)
        return row if is_so(row) else None

    return stage.eventually(look, what)


def _opportunity_of(stage: Stage, referral_id: str) -> Row | None:
    rows = stage.dataverse.seller.rows("opportunity")
    return next((row for row in rows if row["cosell_referralidentifier"] == referral_id), None)


STEPS = (
    Step("The admin pastes the receiver's URL into RegisterWebhook", _register),
    Step("A seller creates an opportunity with Sync = Yes", _share),
    Step("The seller edits value and closing date", _edit_in_crm),
    Step("Microsoft sends a referral to Partner Center", _invite),
    Step("A Partner Center user edits value and notes", _edit_in_partner_center),
    Step("Both edit different fields at once", _edit_both),
    Step("Both edit the same field", _conflict),
    Step("The seller takes the invitation off hold", _accept),
    Step("The seller wins the deal", _win),
)

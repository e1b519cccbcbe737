"""✔ means agreement, on the real app: the CRM's own logic, rounding, and columns that the app may not read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import partial

import pytest

from tests.e2e.deals import polled, rule, shared_deal, until_record, until_referral
from tools.local.stack import Stack
from tools.simulators.sellers.dynamics365 import Dynamics365Seller

TABLE = {"dynamics365": "opportunity", "salesforce": "Opportunity"}
NOTES = {"dynamics365": "description", "salesforce": "Description"}
CLOSING = {"dynamics365": "estimatedclosedate", "salesforce": "CloseDate"}
EXACT = 50000.456
HIDES: dict[str, tuple[dict[str, bool], ...]] = {"dynamics365": ({}, {"masked": True}), "salesforce": ({},)}
"""How the CRM hides a column: for good, or behind a mask."""


@pytest.mark.parametrize("asynchronous", [False, True], ids=["within our write", "after our write"])
def test_what_the_crms_own_logic_changes_reaches_partner_center(stack: Stack, *, asynchronous: bool) -> None:
    referral_id, record_id = shared_deal(stack)
    table, notes, closing = (each[stack.crm.name] for each in (TABLE, NOTES, CLOSING))
    logic = {"when": {notes: "Delayed."}, "then": {closing: "2027-09-30"}, "asynchronous": asynchronous}
    with rule(stack, "side_effect", table=table, **logic):
        stack.partner_center.portal.edit(referral_id, {"/details/notes": "Delayed."})
        until_record(stack, record_id, lambda deal: deal.notes == "Delayed.")
        stack.run("CrmPoller")
        until_referral(stack, referral_id, lambda row: row["details"]["closingDateTime"].startswith("2027-09-30"))
        stack.quiet()
    deal = until_record(stack, record_id, lambda deal: deal.sync_status.startswith("✔"))
    assert deal.closing_date == date(2027, 9, 30)


@pytest.fixture
def rounded(stack: Stack) -> Decimal:
    """EXACT as the CRM keeps it: Dynamics 365 by the currency's precision, Salesforce by the field's."""
    seller = stack.crm
    if not isinstance(seller, Dynamics365Seller):
        return Decimal("50000.46")
    seller.simulator.set_currency_precision("EUR", 0)
    stack.restart()  # The app asks for the currencies' precisions once.
    return Decimal(50000)


def test_what_the_crm_rounds_is_no_edit(stack: Stack, rounded: Decimal) -> None:
    referral_id, record_id = shared_deal(stack, currency="EUR")
    stack.partner_center.portal.edit(referral_id, {"/details/dealValue": EXACT})
    until_record(stack, record_id, lambda deal: deal.deal_value == rounded)
    stack.crm.edit(record_id, notes="Not about the value.")
    stack.run("CrmPoller")
    until_referral(stack, referral_id, lambda row: row["details"]["notes"] == "Not about the value.")
    polled(stack)
    assert stack.partner_center.referral(referral_id)["details"]["dealValue"] == EXACT
    deal = stack.crm.deal(record_id)
    assert deal.deal_value == rounded
    assert deal.sync_status.startswith("✔")


def test_a_column_that_the_app_may_not_read_clears_nothing_and_alerts(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    value = 42000
    for hides in HIDES[stack.crm.name]:
        raised, value = stack.host.log_text().count(" raised"), value + 1000
        with rule(stack, "secure_column", table=TABLE[stack.crm.name], column=NOTES[stack.crm.name], **hides):
            stack.restart()  # so that nothing about the table is remembered
            stack.crm.edit(record_id, deal_value=Decimal(value))
            stack.run("CrmPoller")
            stack.eventually(partial(_more_alerts, stack, raised), "an alert")
            notes = stack.partner_center.referral(referral_id)["details"]["notes"]
            assert notes == "Stores want one view of their stock."
        stack.restart()
    stack.crm.edit(record_id, closing_date=date(2027, 8, 31))
    stack.run("CrmPoller")
    row = until_referral(stack, referral_id, lambda row: row["details"]["closingDateTime"].startswith("2027-08-31"))
    assert row["details"]["notes"] == "Stores want one view of their stock."
    assert row["details"]["dealValue"] == value


def _more_alerts(stack: Stack, before: int) -> bool:
    return stack.host.log_text().count(" raised") > before

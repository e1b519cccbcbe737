"""Which record is whose, on the real app: copies, and another partner's row."""

from __future__ import annotations

import time
from decimal import Decimal

from tests.e2e.deals import (
    own_referrals,
    polled,
    shared_deal,
    type_identifier,
    until_looked_at,
    until_record,
    until_referral,
)
from tools.local.stack import Stack


def test_a_copy_is_refused_until_its_sync_was_off_and_on(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack, help="")
    before = stack.partner_center.referral(referral_id)
    copy = stack.crm.clone(record_id, keep_identifier=False)
    stack.run("CrmPoller")
    refused = until_record(stack, copy, lambda deal: deal.sync_status.startswith("✖"))
    stack.quiet()
    assert "switch Sync off and on" in refused.sync_status
    assert own_referrals(stack, copy) == []
    assert stack.partner_center.referral(referral_id) == before

    released = until_looked_at(stack, "copy released")
    stack.crm.edit(copy, sync=False)
    stack.run("CrmPoller")
    released()
    time.sleep(1)  # Salesforce's stamps have whole seconds: two changes within one may be one version.
    stack.crm.edit(copy, sync=True)
    stack.run("CrmPoller")
    shared = until_record(stack, copy, lambda deal: deal.sync_status.startswith("✔") and deal.referral_identifier)
    assert shared.referral_identifier != referral_id
    assert len(own_referrals(stack, copy)) == 1
    assert stack.partner_center.referral(referral_id) == before


def test_another_partners_row_never_becomes_a_deal(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    records = len(stack.crm.routes()["GET", "/crm/opportunities"]({}, {}))  # type: ignore[arg-type]
    theirs = stack.partner_center.other_partner.join(stack.partner_center.referral(referral_id)["engagementId"])
    stack.quiet()
    stack.partner_center.other_partner.edit(theirs["id"], {"/details/dealValue": 1, "/details/notes": "Theirs."})
    stack.run("Reconciler")
    stack.partner_center.portal.edit(referral_id, {"/details/notes": "Ours."})
    deal = until_record(stack, record_id, lambda deal: deal.notes == "Ours.")
    stack.quiet()
    assert (deal.deal_value, deal.referral_identifier) == (Decimal(42000), referral_id)
    assert stack.crm.find(str(theirs["id"])) == []
    assert len(stack.crm.routes()["GET", "/crm/opportunities"]({}, {})) == records  # type: ignore[arg-type]
    assert stack.partner_center.referral(theirs["id"])["externalReferenceId"] is None
    assert stack.partner_center.referral(theirs["id"])["details"]["notes"] == "Theirs."


def test_a_record_that_takes_a_deleted_ones_place_goes_on_with_its_deal(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    referrals = len(stack.partner_center.referrals())
    stack.crm.delete(record_id)
    other = stack.crm.opportunity()
    type_identifier(stack, other, referral_id)
    stack.run("CrmPoller")
    until_referral(stack, referral_id, lambda row: row["externalReferenceId"] == other)
    until_record(stack, other, lambda deal: deal.sync_status.startswith("✔"))
    stack.partner_center.portal.edit(referral_id, {"/details/notes": "Goes on."})
    until_record(stack, other, lambda deal: deal.notes == "Goes on.")
    stack.crm.edit(other, deal_value=Decimal(43000))
    stack.run("CrmPoller")
    until_referral(stack, referral_id, lambda row: row["details"]["dealValue"] == 43000)
    assert len(stack.partner_center.referrals()) == referrals


def test_an_identifier_typed_in_where_sync_is_off_neither_reads_out_nor_writes(stack: Stack) -> None:
    stack.partner_center.modes.drop = True  # Nobody tells of the referral before its identifier is typed in.
    try:
        referral_id = str(stack.partner_center.portal.create_referral()["id"])
    finally:
        stack.partner_center.modes.drop = False
    record_id = stack.crm.opportunity(sync=False, notes="Confidential.")
    type_identifier(stack, record_id, referral_id)
    polled(stack)
    before = stack.crm.deal(record_id)
    ignored = until_looked_at(stack, "ignored")
    stack.partner_center.portal.edit(referral_id, {"/details/dealValue": 5})
    ignored()
    stack.quiet()
    assert stack.crm.deal(record_id) == before
    assert (before.referral_link, before.sync_status, before.audit) == ("", "", "")
    row = stack.partner_center.referral(referral_id)
    assert (row["externalReferenceId"], row["details"]["dealValue"]) == (None, 5)
    assert row["details"]["notes"] != "Confidential."
    assert [deal.id for deal in stack.crm.find(referral_id)] == [record_id]

    stack.crm.edit(record_id, sync=True)
    stack.run("CrmPoller")
    until_referral(stack, referral_id, lambda row: row["externalReferenceId"] == record_id)

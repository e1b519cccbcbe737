"""Which record is whose, on the real app: copies, and another partner's row."""

from __future__ import annotations

import time
from decimal import Decimal

from tests.e2e.deals import own_referrals, shared_deal, until_looked_at, until_record
from tools.local.stage import Stage


def test_a_copy_is_refused_until_its_sync_was_off_and_on(stage: Stage) -> None:
    referral_id, record_id = shared_deal(stage, help="")
    before = stage.partner_center.referral(referral_id)
    copy = stage.crm.clone(record_id, keep_identifier=False)
    stage.run("CrmPoller")
    refused = until_record(stage, copy, lambda deal: deal.sync_status.startswith("✖"))
    stage.quiet()
    assert "switch Sync off and on" in refused.sync_status
    assert own_referrals(stage, copy) == []
    assert stage.partner_center.referral(referral_id) == before

    released = until_looked_at(stage, "copy released")
    stage.crm.edit(copy, sync=False)
    stage.run("CrmPoller")
    released()
    time.sleep(1)  # Salesforce's stamps have whole seconds: two changes within one may be one version.
    stack.crm.edit(copy, sync=True)
    stack.run("CrmPoller")
    shared = until_record(stack, copy, lambda deal: deal.sync_status.startswith("✔") and deal.referral_identifier)
    assert shared.referral_identifier != referral_id
    assert len(own_referrals(stage, copy)) == 1
    assert stage.partner_center.referral(referral_id) == before


def test_another_partners_row_never_becomes_a_deal(stage: Stage) -> None:
    referral_id, record_id = shared_deal(stage)
    records = len(stage.crm.routes()["GET", "/crm/opportunities"]({}, {}))  # type: ignore[arg-type]
    theirs = stage.partner_center.other_partner.join(stage.partner_center.referral(referral_id)["engagementId"])
    stage.quiet()
    stage.partner_center.other_partner.edit(theirs["id"], {"/details/dealValue": 1, "/details/notes": "Theirs."})
    stage.run("Reconciler")
    stage.partner_center.portal.edit(referral_id, {"/details/notes": "Ours."})
    deal = until_record(stage, record_id, lambda deal: deal.notes == "Ours.")
    stage.quiet()
    assert (deal.deal_value, deal.referral_identifier) == (Decimal(42000), referral_id)
    assert stage.crm.find(str(theirs["id"])) == []
    assert len(stage.crm.routes()["GET", "/crm/opportunities"]({}, {})) == records  # type: ignore[arg-type]
    assert stage.partner_center.referral(theirs["id"])["externalReferenceId"] is None
    assert stage.partner_center.referral(theirs["id"])["details"]["notes"] == "Theirs."

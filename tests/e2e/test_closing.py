"""Closing on the real app: the undo window, and a close that the CRM refuses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from shared.lifecycle import Stage
from tests.e2e.deals import polled, received_deal, rule, shared_deal, until_looked_at, until_record, until_referral
from tools.local.stack import Stack

REFUSAL = "Ask finance first."


@pytest.fixture(scope="module")
def stack(crm: str, account: Callable[[], str]) -> Iterator[Stack]:
    """With an undo window of six seconds."""
    with Stack(crms=(crm,), storage=account(), settings={"CLOSE_DELAY_MINUTES": "0.1"}) as running:
        assert running.register().status_code == 200
        yield running


def test_a_win_is_taken_back_within_its_window_and_sent_when_it_stays(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    seen = until_looked_at(stack, "awaits undo")
    stack.crm.win(record_id)
    stack.run("CrmPoller")
    seen()
    stack.crm.reopen(record_id)
    stack.run("CrmPoller")
    deal = until_record(stack, record_id, lambda deal: "to cancel" in deal.audit and deal.sync_status.startswith("✔"))
    stack.quiet()  # The message of the window's end is on the queue until then.
    assert deal.stage is stack.crm.deal(record_id).stage is Stage.ACTIVE
    assert stack.partner_center.referral(referral_id)["status"] == "Active"

    stack.crm.win(record_id)
    stack.run("CrmPoller")
    until_referral(stack, referral_id, lambda row: row["substatus"] == "Won")
    stack.quiet()
    assert stack.crm.deal(record_id).stage is Stage.WON


def test_a_refused_close_is_shown_once_and_heals_when_the_rule_is_gone(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    with rule(stack, "refuse_closing", message=REFUSAL):
        stack.partner_center.portal.edit(referral_id, {"/details/notes": "Signed today."})
        stack.partner_center.portal.win(referral_id)
        deal = until_record(stack, record_id, lambda deal: deal.sync_status.startswith("✖"))
        stack.quiet()
        assert REFUSAL in f"{deal.sync_status} {deal.audit}"
        assert deal.stage is Stage.ACTIVE
        before, version = stack.calls(), stack.crm.deal(record_id).version
        stack.run("Reconciler")
        polled(stack)
        after = stack.calls() - before
        assert stack.crm.deal(record_id).version == version
        assert after.crm == 0, "the refused close is not tried again and again"
        assert stack.crm.deal(record_id).sync_status.startswith("✖")
    time.sleep(1)  # Salesforce's stamps have whole seconds: saving without a change makes no other version within one.
    stack.crm.edit(record_id, solutions=stack.crm.deal(record_id).solutions)  # saved once more, as the remedy says
    stack.run("CrmPoller")
    deal = until_record(stack, record_id, lambda deal: deal.stage is Stage.WON)
    assert deal.notes == "Signed today."


def test_reasons_travel_both_ways(stack: Stack) -> None:
    referral_id, record_id = received_deal(stack)
    stack.crm.edit(record_id, close_reason="Not a customer")
    stack.crm.lose(record_id)
    stack.run("CrmPoller")
    row = until_referral(stack, referral_id, lambda row: row["substatus"] == "Declined")
    assert row["statusReason"] == "Not a customer"

    referral_id, record_id = received_deal(stack)
    stack.partner_center.portal.decline(referral_id, "They built it themselves")
    deal = until_record(stack, record_id, lambda deal: deal.stage is Stage.LOST)
    assert deal.close_reason == "Other"
    stack.quiet()
    assert stack.partner_center.referral(referral_id)["statusReason"] == "They built it themselves"

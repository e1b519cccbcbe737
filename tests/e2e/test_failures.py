"""What goes wrong, and that nothing is lost or doubled by it."""

from decimal import Decimal

import requests

from tests.e2e.deals import (
    opportunity_of,
    own_referrals,
    polled,
    received_deal,
    shared_deal,
    until,
    until_looked_at,
    until_record,
    until_referral,
)
from tools.local.localhost.process import HostProcess
from tools.local.stack import ROOT, Stack
from tools.simulators.faults import Fault
from tools.simulators.sellers.seller import SOLUTION
from tools.simulators.vendors import SYNC_USER


def test_what_the_seller_must_do_stands_on_the_record(stack: Stack) -> None:
    record_id = stack.crm.opportunity(solutions=(), contact=False)
    stack.run("CrmPoller")
    deal = until_record(stack, record_id, lambda deal: deal.sync_status)
    assert deal.sync_status.startswith("✖")
    assert "at least one solution ID" in deal.sync_status
    assert "Customer contact: to invite Microsoft, Partner Center requires" in deal.audit, "every problem is named"
    assert own_referrals(stack, record_id) == []

    stack.crm.edit(record_id, solutions=(SOLUTION,), contact=True)
    stack.run("CrmPoller")
    deal = until_record(stack, record_id, lambda deal: deal.referral_identifier)
    assert deal.sync_status.startswith("✔")
    assert len(own_referrals(stack, record_id)) == 1


def test_an_account_that_is_completed_is_noticed_by_the_next_poll(stack: Stack) -> None:
    table, street = {"dynamics365": ("account", "address1_line1"), "salesforce": ("Account", "BillingStreet")}[
        stack.crm.name
    ]
    record_id = stack.crm.opportunity()
    account = stack.crm.deal(record_id).account_id
    seller = stack.crm.simulator.seller  # type: ignore[attr-defined]
    seller.edit(account, table=table, **{street: None})
    stack.run("CrmPoller")
    until_record(stack, record_id, lambda deal: deal.sync_status.startswith("✖ Enter the street on the account"))
    polled(stack)
    seller.edit(account, table=table, **{street: "1 Market Street"})
    polled(stack)
    assert stack.crm.deal(record_id).sync_status.startswith("✔"), "its schedule would have it wait for two minutes"


def test_the_written_reason_does_not_start_a_loop(stack: Stack) -> None:
    record_id = stack.crm.opportunity(solutions=())
    stack.run("CrmPoller")
    until_record(stack, record_id, lambda deal: deal.sync_status)
    version = stack.crm.deal(record_id).version
    for _ in range(3):
        stack.run("CrmPoller")
        stack.quiet()
    assert stack.crm.deal(record_id).version == version


def test_a_storm_of_429_delays_and_loses_nothing(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    server = stack.vendors.servers["referrals"]
    storm = server.faults.inject(Fault("status", status=429, headers={"Retry-After": "2"}, method="PATCH", times=2))
    before = server.log.count("PATCH")
    stack.crm.edit(record_id, deal_value=Decimal(77000))
    stack.run("CrmPoller")
    until_referral(stack, referral_id, lambda row: row["details"]["dealValue"] == 77000)
    assert storm.fired == 2
    until(stack, lambda: server.log.count("PATCH") - before >= 3)  # A request is logged when its answer is sent.
    stack.quiet()
    assert server.log.count("PATCH") - before == 3, "one call for each window that Partner Center named"


def test_a_crm_that_is_down_is_waited_for(stack: Stack) -> None:
    referral_id, record_id = received_deal(stack)
    outage = stack.crm.server.faults.inject(
        Fault("status", status=503, body="<html>Service Unavailable</html>", headers={"Retry-After": "11"}, times=1)
    )
    stack.partner_center.portal.edit(referral_id, {"/details/notes": "While the CRM was down"})
    stack.eventually(lambda: outage.fired, "the outage to be met")
    until_record(stack, record_id, lambda deal: deal.notes == "While the CRM was down")


def test_a_write_whose_answer_is_lost_is_done_once(stack: Stack) -> None:
    referral_id, record_id = received_deal(stack)
    lost = stack.crm.break_update(Fault("reset_after"))
    stack.partner_center.portal.edit(referral_id, {"/details/dealValue": 81000})
    until_record(stack, record_id, lambda deal: deal.deal_value == Decimal(81000))
    stack.quiet()
    assert lost.fired == 1
    assert stack.crm.deal(record_id).audit.count("deal_value: 42000 → 81000") == 1


def test_a_create_whose_answer_is_lost_makes_one_opportunity(stack: Stack) -> None:
    lost = stack.crm.break_create(Fault("reset_after"))
    referral_id = str(stack.partner_center.portal.create_referral()["id"])
    deal = until(stack, lambda: opportunity_of(stack, referral_id))
    until_referral(stack, referral_id, lambda held: held["externalReferenceId"] == deal.id)
    stack.quiet()
    assert lost.fired == 1
    assert opportunity_of(stack, referral_id) is not None


def test_an_app_killed_between_the_write_and_the_commit_finds_its_deal_again(crm: str, storage: str) -> None:
    with Stack(crms=(crm,), storage=storage) as stack:
        stack.register()
        hang = stack.vendors.servers["referrals"].faults.inject(Fault("delay", method="PATCH", seconds=5))
        referral_id = str(stack.partner_center.portal.create_referral()["id"])
        deal = until(stack, lambda: opportunity_of(stack, referral_id))
        stack.eventually(lambda: hang.fired, "the write of the record's id")
        stack.restart(crash=True)  # the opportunity exists, nothing is committed
        linked = until_looked_at(stack, "linked")
        stack.run("Reconciler")
        linked()
        until_referral(stack, referral_id, lambda held: held["externalReferenceId"] == deal.id)
        stack.partner_center.portal.edit(referral_id, {"/details/notes": "After the crash"})
        until_record(stack, deal.id, lambda deal: deal.notes == "After the crash")
        assert opportunity_of(stack, referral_id) is not None


def test_missed_events_are_found_by_the_sweep(stack: Stack) -> None:
    referral_id, record_id = received_deal(stack)
    stack.run("Reconciler")
    stack.partner_center.modes.drop = True
    try:
        stack.partner_center.portal.edit(referral_id, {"/details/notes": "Nobody told"})
        missed = str(stack.partner_center.portal.create_referral()["id"])
    finally:
        stack.partner_center.modes.drop = False
    stack.run("Reconciler")
    until_record(stack, record_id, lambda deal: deal.notes == "Nobody told")
    until(stack, lambda: opportunity_of(stack, missed))


def test_an_expired_change_token_leads_to_a_full_pass(crm: str, storage: str) -> None:
    with Stack(crms=(crm,), storage=storage) as stack:
        stack.register()
        referral_id, record_id = shared_deal(stack)
        _, deleted = shared_deal(stack)
        stack.crm.expire_cursor()
        stack.crm.edit(record_id, deal_value=Decimal(99000))
        stack.crm.delete(deleted)
        referrals = len(stack.partner_center.referrals())
        stack.run("CrmPoller")
        until_referral(stack, referral_id, lambda row: row["details"]["dealValue"] == 99000)
        stack.quiet()
        assert len(stack.partner_center.referrals()) == referrals, "the deleted record's referral was shared again"


def test_a_refused_sign_in_keeps_the_work_and_resumes_by_itself(crm: str, storage: str) -> None:
    with Stack(crms=(crm,), storage=storage) as stack:
        stack.register()
        stack.vendors.entra.revoke_refresh_tokens(SYNC_USER)
        stack.restart()  # the access token in hand would live on for an hour
        record_id = stack.crm.opportunity()
        stack.run("CrmPoller")
        deal = until_record(stack, record_id, lambda deal: deal.sync_status)
        assert deal.sync_status == (
            "⏳ An administrator must sign in to Partner Center again. Nothing is lost meanwhile."
        )
        assert "invalid_grant" not in deal.sync_status
        assert stack.host.log_text().count(f"alert worker {crm} SignInRequired raised") == 1

        again = stack.vendors.entra.issue_refresh_token(stack.settings()["PARTNER_CENTER_CLIENT_ID"], SYNC_USER)
        stack.vendors.configure({"PARTNER_CENTER_REFRESH_TOKEN": again})
        stack.restart()
        stack.crm.edit(record_id, deal_value=Decimal(43000))
        stack.run("CrmPoller")
        until_record(stack, record_id, lambda deal: deal.referral_identifier)


def test_wrong_settings_are_all_named_at_once(stack: Stack) -> None:
    address = next(name for name in stack.crm.settings() if name.endswith("_URL"))
    settings = {
        **stack.settings(),
        "CRM": f"{stack.crm.name},hubspot",
        "PARTNER_CENTER_API_URL": "http://partner.example",
        address: "",
        "TOKEN_ENCRYPTION_KEY": "short",
    }
    with HostProcess(ROOT, settings) as host:
        requests.post(f"{host.url}/admin/functions/Reconciler", json={}, timeout=30)
        told = stack.eventually(lambda: host.log_text() if "4 app settings" in host.log_text() else None, "the message")
    for name in ("CRM:", "PARTNER_CENTER_API_URL:", f"{address}:", "TOKEN_ENCRYPTION_KEY:"):
        assert f"- {name}" in told


def test_two_workers_on_one_deal_agree(stack: Stack) -> None:
    referral_id, record_id = received_deal(stack)
    stack.crm.break_update(Fault("delay", seconds=1))
    stack.partner_center.portal.edit(referral_id, {"/details/dealValue": 1000})
    stack.partner_center.portal.edit(referral_id, {"/details/dealValue": 2000})
    until_record(stack, record_id, lambda deal: deal.deal_value == Decimal(2000))
    stack.quiet()
    assert stack.partner_center.referral(referral_id)["details"]["dealValue"] == 2000

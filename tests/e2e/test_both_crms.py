"""One deal in both CRMs at once: docs/SYNC.md, "Both CRMs at once". The simulation tries the rest of it, and faster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

import pytest

from shared.lifecycle import Stage as DealStage
from shared.sync.begin import CLOCK_MARGIN
from tests.e2e.deals import Row, shared_deal, until, until_referral
from tools.local.stage import Stage
from tools.simulators.faults import Fault
from tools.simulators.sellers import DESKS
from tools.simulators.sellers.desk import CrmDesk, Deal

NAMES = pytest.mark.parametrize("name", DESKS)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage(crms=("dynamics365", "salesforce")) as running:
        assert running.register().status_code == 200
        yield running


@pytest.fixture(scope="module")
def referral_id(stage: Stage) -> str:
    """A deal that Salesforce shared, known to both, and long enough for no version to be in doubt."""
    referral_id, _ = shared_deal(stage, stage.desks["salesforce"])
    until_everywhere(stage, referral_id, lambda deal: deal.referral_identifier)
    stage.run("CrmPoller")
    stage.quiet()
    time.sleep(CLOCK_MARGIN.total_seconds())
    return referral_id


def only(desk: CrmDesk, referral_id: str) -> Deal | None:
    found = desk.find(referral_id)
    assert len(found) <= 1, f"one referral has more than one opportunity in {desk.title}"
    return found[0] if found else None


def held(desk: CrmDesk, referral_id: str) -> Deal:
    deal = only(desk, referral_id)
    assert deal is not None
    return deal


def until_everywhere(stage: Stage, referral_id: str, is_so: Callable[[Deal], object]) -> None:
    for desk in stage.desks.values():
        until(stage, lambda desk=desk: (deal := only(desk, referral_id)) and is_so(deal))  # type: ignore[misc]


def other_than(stage: Stage, name: str) -> CrmDesk:
    (other,) = (desk for desk in stage.desks.values() if desk.name != name)
    return other


def test_a_deal_that_one_shares_arrives_in_the_other_and_names_the_sharers_record(
    stage: Stage, referral_id: str
) -> None:
    shared, received = (held(stage.desks[name], referral_id) for name in ("salesforce", "dynamics365"))
    assert stage.partner_center.referral(referral_id)["externalReferenceId"] == shared.id
    assert (received.name, received.deal_value, received.currency) == (shared.name, shared.deal_value, "GBP")
    assert (received.solutions, received.stage) == (shared.solutions, DealStage.ACTIVE)


def test_an_invitation_becomes_a_record_in_each_and_names_that_of_the_first(stage: Stage) -> None:
    invited = str(stage.partner_center.portal.create_referral()["id"])
    until_everywhere(stage, invited, lambda deal: deal.stage is DealStage.ON_HOLD)
    stage.quiet()
    first = held(stage.desks["dynamics365"], invited)
    assert stage.partner_center.referral(invited)["externalReferenceId"] == first.id
    # Accepting it in one CRM takes it off hold in the other.
    salesforce = stage.desks["salesforce"]
    salesforce.accept(held(salesforce, invited).id)
    stage.run("CrmPoller")
    until_everywhere(stage, invited, lambda deal: deal.stage is DealStage.ACTIVE)
    assert stage.partner_center.referral(invited)["substatus"] == "Accepted"
    stage.quiet()


@NAMES
def test_an_edit_in_one_reaches_the_other_and_nothing_follows(stage: Stage, referral_id: str, name: str) -> None:
    day = date(2027, 11, 1 + list(DESKS).index(name))
    desk, writes = stage.desks[name], stage.world.servers["referrals"].log
    before = writes.count("PATCH")
    desk.edit(held(desk, referral_id).id, closing_date=day)
    stage.run("CrmPoller")
    until_everywhere(stage, referral_id, lambda deal: deal.closing_date == day and "closing_date" in deal.audit)
    stage.quiet()
    versions = [held(each, referral_id).version for each in stage.desks.values()]
    for function in ("CrmPoller", "Reconciler", "CrmPoller"):
        stage.run(function)
        stage.quiet()
    assert [held(each, referral_id).version for each in stage.desks.values()] == versions
    # Polls that overlap hand an edit over twice; the second write is then refused, and does nothing.
    statuses = [entry.status for entry in writes.matching("PATCH")[before:]]
    assert [status for status in statuses if status != 412] == [200]


def test_a_conflict_between_the_two_is_decided_by_policy_with_both_values_in_the_audit(
    stage: Stage, referral_id: str
) -> None:
    for name, value in (("dynamics365", 50_000), ("salesforce", 60_000)):
        desk = stage.desks[name]
        desk.edit(held(desk, referral_id).id, deal_value=Decimal(value))
    stage.run("CrmPoller")

    def is_settled() -> Row | None:
        deals = [held(desk, referral_id) for desk in stage.desks.values()]
        row = stage.partner_center.referral(referral_id)
        agreed = {deal.deal_value for deal in deals} == {Decimal(str(row["details"]["dealValue"]))}
        return row if agreed and any("both sides changed; the CRM wins" in deal.audit for deal in deals) else None

    won = int(until(stage, is_settled)["details"]["dealValue"])
    stage.quiet()
    lost = {50_000: 60_000, 60_000: 50_000}[won]
    told = "\n".join(held(desk, referral_id).audit for desk in stage.desks.values())
    assert f"deal_value: {lost} → {won} (both sides changed; the CRM wins)" in told


@NAMES
def test_one_that_is_down_does_not_hold_up_the_other(stage: Stage, referral_id: str, name: str) -> None:
    notes = f"While {name} was down"
    down = stage.desks[name].server.faults.inject(Fault("status", status=503, headers={"Retry-After": "3"}, times=None))
    try:
        stage.partner_center.portal.edit(referral_id, {"/details/notes": notes})
        until(stage, lambda: held(other_than(stage, name), referral_id).notes == notes)
        stage.eventually(lambda: down.fired, "the outage to be met")
    finally:
        stage.desks[name].server.faults.clear()
    until_everywhere(stage, referral_id, lambda deal: deal.notes == notes)
    stage.quiet()


def test_closing_in_one_closes_all(stage: Stage, referral_id: str) -> None:
    desk = stage.desks["dynamics365"]
    desk.win(held(desk, referral_id).id)
    stage.run("CrmPoller")
    until_referral(stage, referral_id, lambda row: row["substatus"] == "Won")
    until_everywhere(stage, referral_id, lambda deal: deal.stage is DealStage.WON)
    stage.quiet()


def test_a_record_deleted_in_one_stays_deleted_and_the_other_goes_on(stage: Stage) -> None:
    referral_id, record_id = shared_deal(stage, stage.desks["dynamics365"])
    kept = stage.desks["salesforce"]
    until(stage, lambda: only(kept, referral_id))
    stage.quiet()
    stage.desks["dynamics365"].delete(record_id)
    stage.run("CrmPoller")
    stage.quiet()
    kept.edit(held(kept, referral_id).id, notes="Only here")
    stage.run("CrmPoller")
    until_referral(stage, referral_id, lambda row: row["details"]["notes"] == "Only here")
    stage.quiet()
    assert stage.desks["dynamics365"].find(referral_id) == []

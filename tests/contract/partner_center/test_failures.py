"""Partner Center's failures and costs, told alike by the fake and the client."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import (
    AccessDenied,
    OutcomeUnknown,
    RetriableError,
    SignInRequired,
    StaleError,
    Throttled,
)
from shared.partner_center.port import Referral
from tests.contract.partner_center.test_port import own_deal, replace
from tests.support.fakes.referral_rules import at
from tests.support.stages.outages import ASKED, Outage
from tests.support.stages.partner_center import PartnerCenterStage
from tools.simulators.partner_center.samples import sample_document

# --- failures --------------------------------------------------------------------------------------------------------


def calls(stage: PartnerCenterStage, referral: Referral) -> list[Any]:
    note = [replace("/details/notes", "later")]
    return [
        lambda: stage.port.read(referral.id),
        lambda: list(stage.port.changed_since(referral.changed_at)),
        lambda: stage.port.create(sample_document()),
        lambda: stage.port.update(referral.id, note, referral.version),
    ]


def test_throttling_names_how_long_to_wait(stage: PartnerCenterStage) -> None:
    made = own_deal(stage)
    stage.break_down(Outage.THROTTLED)
    for call in calls(stage, made):
        with pytest.raises(Throttled) as caught:
            call()
        assert caught.value.retry_after == pytest.approx(ASKED, abs=1)


@pytest.mark.parametrize("outage", [Outage.UNAVAILABLE, Outage.DROPPED])
def test_an_outage_is_retriable_and_passes(stage: PartnerCenterStage, outage: Outage) -> None:
    made = own_deal(stage)
    stage.break_down(outage)
    for call in calls(stage, made):
        with pytest.raises(RetriableError):
            call()
    stage.heal()
    assert stage.port.read(made.id).version == made.version


def test_access_denied_is_fatal(stage: PartnerCenterStage) -> None:
    made = own_deal(stage)
    stage.break_down(Outage.DENIED)
    for call in calls(stage, made):
        with pytest.raises(AccessDenied):
            call()


def test_a_refused_sign_in_is_fatal(stage: PartnerCenterStage) -> None:
    made = own_deal(stage)
    stage.break_down(Outage.SIGNED_OUT)
    for call in calls(stage, made):
        with pytest.raises(SignInRequired):
            call()


def test_a_create_whose_answer_is_lost_is_never_repeated_by_the_client(stage: PartnerCenterStage) -> None:
    since = own_deal(stage).changed_at
    stage.break_down(Outage.LOST_ANSWER)
    with pytest.raises(OutcomeUnknown):
        stage.port.create(sample_document() | {"externalReferenceId": "record-2"})
    stage.heal()
    found = [each.external_reference_id for each in stage.port.changed_since(since)]
    assert found == ["record-1", "record-2"]


def test_an_update_whose_answer_is_lost_took_effect_once(stage: PartnerCenterStage) -> None:
    made = own_deal(stage)
    stage.break_down(Outage.LOST_ANSWER)
    with pytest.raises((StaleError, RetriableError)):
        stage.port.update(made.id, [replace("/details/dealValue", 7)], made.version)
    stage.heal()
    assert at(stage.port.read(made.id).body, "details/dealValue") == 7


# --- cost ------------------------------------------------------------------------------------------------------------


def test_every_call_is_one_request(stage: PartnerCenterStage) -> None:
    made = own_deal(stage)
    acts = [*calls(stage, made), stage.port.now, stage.port.newest, lambda: list(stage.port.undecided())]
    for act in [*acts, lambda: stage.port.engagement(made.engagement_id)]:
        before = stage.requests()
        act()
        assert stage.requests() - before == 1

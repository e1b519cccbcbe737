"""Deals that are one situation of the decision table, and are decided alike, but not with the same words or reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from shared.deadline import Deadline, DeadlineKind
from shared.deal import STATUS, Fields
from shared.deal_registration import Form
from shared.decide import decide
from shared.decide.deal import GONE, Deal, Need, Policy, RecordSeen, ReferralSeen
from shared.decide.decisions import Agree, CreateRecord, HoldForPerson, RefuseCopy
from shared.decide.registering import with_registration
from shared.lifecycle import Stage
from shared.link import Link
from shared.merge import Plan
from shared.problems import Problem, problem
from tests.support.stand_ins import START
from tests.unit.decide.deals import FIELD_MAP, OTHER_RECORD, RECORD, REFERRAL

VALUES = {STATUS: Stage.ACTIVE, **{rule.name: None for rule in FIELD_MAP.rules}}
SEEN = RecordSeen(RECORD, VALUES, "w1", START, identifier=REFERRAL)


def problems(deal: Deal) -> tuple[Problem, ...]:
    decision = decide(deal, FIELD_MAP, Policy())
    assert isinstance(decision, HoldForPerson | RefuseCopy)
    return decision.problems


def test_a_copy_is_told_whose_it_is() -> None:
    holder = Link("dynamics365", REFERRAL, OTHER_RECORD, base=VALUES)
    deal = Deal(START, "record", None, record=SEEN, holder=holder, holder_record=replace(SEEN, key=OTHER_RECORD))
    (copied,) = problems(deal)
    assert copied == problem("identifier.copied", "referral_identifier", record=OTHER_RECORD.id)


def test_a_referral_that_names_a_record_of_another_crm_is_not_looked_for_among_this_ones_deals() -> None:
    referral = ReferralSeen(REFERRAL, VALUES, "v1", Stage.ACTIVE, body={}, names_any=True)
    assert FIELD_MAP.proposes_duplicates
    assert isinstance(decide(Deal(START, "referral", referral=referral), FIELD_MAP, Policy()), CreateRecord)
    another = Deal(START, "referral", referral=replace(referral, names_any=False))
    assert decide(another, FIELD_MAP, Policy()) is Need.AROUND


def test_a_qualified_lead_whose_opportunity_is_gone_is_like_one_without() -> None:
    lead = replace(SEEN, lead=True, fields={**VALUES, STATUS: Stage.WON})
    link = Link("dynamics365", REFERRAL, RECORD, base=VALUES)
    for successor in (None, GONE):
        deal = Deal(START, "record", link, record=lead, successor=successor)
        assert problems(deal) == (problem("lead.without_opportunity", "record"),)


class AlwaysRegistered:
    """A form that every win is registered with."""

    def wanted(self, columns: Mapping[str, object]) -> bool:  # noqa: ARG002 - a protocol
        return True

    def fill(self, columns: Mapping[str, object], deal: Fields) -> Form:  # noqa: ARG002 - a protocol
        return Form({})


@pytest.mark.parametrize("kind", DeadlineKind)
def test_a_win_is_registered_until_that_days_end_and_not_until_another_ones(kind: DeadlineKind) -> None:
    fields: Fields = {**VALUES, STATUS: Stage.WON}
    link = Link("dynamics365", REFERRAL, RECORD, base=fields, deadline=Deadline(kind, START, START))
    referral = ReferralSeen(REFERRAL, fields, "v1", Stage.WON)
    won = Agree(link, referral, replace(SEEN, fields=fields), Plan((), (), (), (), fields))
    field_map = replace(FIELD_MAP, registration_form=AlwaysRegistered())
    assert (with_registration(won, field_map) == won) is (kind is not DeadlineKind.REGISTER)

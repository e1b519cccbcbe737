"""Which organization is ours: the setting's word, or what our own referrals tell, once and for all."""

from __future__ import annotations

from random import Random

import pytest

from shared.errors import ServiceUnavailable
from shared.ledger.memory import MemoryLedger
from shared.partner_center.organization import Organization
from shared.partner_center.port import Referral
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.partner_center import FABRIKAM, FakePartnerCenter
from tests.support.fakes.tape import Tape

OTHER_PARTNER = "0b6a1f2e-9d43-4c57-8a55-3a1d1f0e7c44"


class Stage:
    """Partner Center, a ledger, and any number of processes."""

    def __init__(self) -> None:
        self.tape = Tape()
        self.partner_center = FakePartnerCenter(self.tape, FakeClock(), Random(0))
        self.drawers = MemoryLedger().drawers

    def process(self, configured: str | None = None) -> Organization:
        return Organization(self.partner_center, self.drawers, configured)

    def row(self) -> Referral:
        return self.partner_center.read(self.partner_center.invites_us())

    def calls(self) -> int:
        return self.tape.remote(0)["partner_center.newest"]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def of(row: Referral, organization_id: str) -> Referral:
    return Referral({**row.body, "organizationId": organization_id})


def test_the_setting_wins_and_costs_nothing(stage: Stage) -> None:
    row = stage.row()
    organization = stage.process(OTHER_PARTNER.upper())
    assert organization.id() == OTHER_PARTNER
    assert not organization.owns(row)
    assert organization.owns(of(row, OTHER_PARTNER))
    organization.learn(row)
    assert organization.id() == OTHER_PARTNER
    assert stage.calls() == 0


def test_the_setting_beats_what_was_learned_before(stage: Stage) -> None:
    row = stage.row()
    assert stage.process().owns(row)
    assert not stage.process(OTHER_PARTNER).owns(row)
    assert stage.process().owns(row), "and leaves it as it was"


def test_it_is_learned_from_our_newest_referral_once_and_kept(stage: Stage) -> None:
    row = stage.row()
    first = stage.process()
    assert [first.owns(row), first.owns(row), first.id()] == [True, True, FABRIKAM]
    assert stage.process().owns(row)
    assert stage.calls() == 1


def test_it_is_learned_from_a_referral_of_our_own_making_without_a_call(stage: Stage) -> None:
    row = stage.row()
    stage.process().learn(row)
    assert stage.process().owns(row)
    assert stage.calls() == 0


def test_what_was_learned_first_stays(stage: Stage) -> None:
    row = stage.row()
    one, other = stage.process(), stage.process()
    one.learn(row)
    other.learn(of(row, OTHER_PARTNER))
    assert [each.id() for each in (one, other, stage.process())] == [FABRIKAM] * 3


@pytest.mark.parametrize("organization_id", [OTHER_PARTNER, "msft", "MSFT", ""])
def test_another_ones_row_is_not_ours(stage: Stage, organization_id: str) -> None:
    assert not stage.process().owns(of(stage.row(), organization_id))


def test_an_id_in_other_letters_is_the_same(stage: Stage) -> None:
    assert stage.process().owns(of(stage.row(), FABRIKAM.upper()))


@pytest.mark.parametrize("organization_id", ["msft", "MSFT", ""])
def test_microsofts_row_teaches_nothing(stage: Stage, organization_id: str) -> None:
    row = of(stage.row(), organization_id)
    stage.partner_center.rows.clear()
    organization = stage.process()
    organization.learn(row)
    assert organization.id() == ""
    assert not organization.owns(row)


def test_while_there_is_no_referral_nothing_is_ours_and_it_is_asked_again(stage: Stage) -> None:
    row = stage.row()
    rows = dict(stage.partner_center.rows)
    stage.partner_center.rows.clear()
    organization = stage.process()
    assert not organization.owns(row)
    assert not organization.owns(of(row, ""))
    stage.partner_center.rows.update(rows)
    assert organization.owns(row)


def test_a_failure_teaches_nothing(stage: Stage) -> None:
    row = stage.row()
    organization = stage.process()
    stage.tape.fail(ServiceUnavailable("answered 503"), "partner_center", "newest", times=None)
    with pytest.raises(ServiceUnavailable):
        organization.owns(row)
    stage.tape.faults.clear()
    assert organization.owns(row)

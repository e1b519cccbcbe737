"""What the sync may expect of a CRM: whom a new record belongs to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.crm.around import Around
from shared.errors import AccessDenied, DataError
from shared.lifecycle import Stage
from shared.mapping.owners import Assignee, OwnerKind
from tests.support.crm_words import NEW, created, customer, make, nobody, said
from tests.support.stages.crm import CrmStage

LEE = "lee.okoro@partner.example"


def user(name: str) -> Assignee:
    return Assignee(OwnerKind.USER, name)


def owner_of(stage: CrmStage, *owners: Assignee) -> object:
    columns = {**said(stage, **NEW), **stage.dialect.states[Stage.ACTIVE]}
    record = make(stage, nobody(), columns, Around(customer(stage), owners))
    return record.columns[stage.dialect.owner_of]


def test_the_first_of_those_whom_the_crm_has_owns_the_record(stage: CrmStage) -> None:
    nobody_asked = created(stage, nobody()).columns[stage.dialect.owner_of]
    lee = stage.add_user("Lee", "Okoro", LEE)
    stage.pass_time()
    assert owner_of(stage, user("stranger@partner.example"), user(LEE.upper())) == lee
    assert owner_of(stage, user("lee okoro")) == lee
    assert owner_of(stage, user("stranger@partner.example")) == nobody_asked != lee


def test_whom_the_crm_has_twice_or_no_longer_owns_nothing(stage: CrmStage) -> None:
    app = created(stage, nobody()).columns[stage.dialect.owner_of]
    stage.add_user("Kim", "Ray", "kim.ray@partner.example", active=False)
    stage.add_user("Pat", "Lin", "pat.lin@partner.example")
    stage.add_user("Pat", "Lin", "pat.lin.2@partner.example")
    stage.pass_time()
    assert owner_of(stage, user("kim.ray@partner.example"), user("Pat Lin"), user("O'Hara, \\ ")) == app


def test_it_is_remembered_who_there_is_and_who_not(stage: CrmStage) -> None:
    stage.add_user("Lee", "Okoro", LEE)
    around = Around(customer(stage), (user("stranger@partner.example"), user(LEE)))
    stage.port.look_around(nobody(), around)
    before = stage.requests()
    found = stage.port.look_around(nobody(), around)
    assert stage.requests() - before == 1
    assert found.owner
    assert found.owner.assignee == user(LEE)


def test_an_owner_that_the_crm_does_not_let_own_it_is_refused(stage: CrmStage) -> None:
    lee = stage.add_user("Lee", "Okoro", LEE)
    stage.pass_time()
    around = Around(customer(stage), (user(LEE),))
    columns = {**said(stage, **NEW), **stage.dialect.states[Stage.ACTIVE]}
    found = stage.port.look_around(nobody(), around)
    stage.forbid_owning(lee)
    referral_id = nobody()
    with pytest.raises((AccessDenied, DataError)):
        stage.port.create(referral_id, columns, around, found)
    assert stage.port.find(referral_id) is None
    again = stage.port.look_around(referral_id, replace(around, owners=()))
    stage.port.create(referral_id, columns, around, again)
    assert stage.port.find(referral_id)

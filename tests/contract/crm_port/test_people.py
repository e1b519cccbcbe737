"""What the sync may expect of a CRM: whom a new record belongs to, and the customer's contact on it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.crm.around import Around, ContactWanted
from shared.crm.port import Record
from shared.errors import AccessDenied, DataError
from shared.lifecycle import Stage
from shared.mapping.owners import Assignee, OwnerKind
from tests.support.crm_words import NEW, NORTHWIND, created, customer, make, nobody, said
from tests.support.stages.crm import CrmStage

LEE = "lee.okoro@partner.example"


def user(name: str) -> Assignee:
    return Assignee(OwnerKind.USER, name)


def owner_of(stage: CrmStage, *owners: Assignee) -> object:
    columns = {**said(stage, **NEW), **stage.dialect.states[Stage.ACTIVE]}
    record = make(stage, nobody(), columns, Around(customer(stage), owners=owners))
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
    around = Around(customer(stage), owners=(user("stranger@partner.example"), user(LEE)))
    stage.port.look_around(nobody(), around)
    before = stage.requests()
    found = stage.port.look_around(nobody(), around)
    assert stage.requests() - before == 1
    assert found.owner
    assert found.owner.assignee == user(LEE)


def test_an_owner_that_the_crm_does_not_let_own_it_is_refused(stage: CrmStage) -> None:
    lee = stage.add_user("Lee", "Okoro", LEE)
    stage.pass_time()
    around = Around(customer(stage), owners=(user(LEE),))
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


def test_a_person_is_read_and_a_stranger_is_none(stage: CrmStage) -> None:
    lee = stage.add_user("Lee", "Okoro", LEE)
    person = stage.port.person(lee)
    assert person
    assert person[stage.dialect.person["owner_first_name"]] == "Lee"
    record = stage.port.read(stage.add_deal())
    assert record.columns[stage.port.owner_column]
    assert stage.port.person(lee[:-3] + "000" if "-" in lee else "005000000000000AAA") is None


# --- the customer's contact ------------------------------------------------------------------------------------------

ANA = "ana@northwind.example"


def ana(stage: CrmStage, mail: str | None = ANA) -> ContactWanted:
    names = stage.dialect.person
    mails = {names["contact_email"]: mail} if mail else {}
    called = {names["contact_first_name"]: "Ana", names["contact_last_name"]: "Ru'iz (Leeds); x"}
    return ContactWanted(mails, called, {**mails, **called})


def with_contact(stage: CrmStage, wanted: ContactWanted | None) -> Record:
    columns = {**said(stage, **NEW), **stage.dialect.states[Stage.ACTIVE]}
    record = make(stage, nobody(), columns, Around(customer(stage), wanted))
    stage.pass_time()
    assert stage.port.read(record.id).version == record.version
    return record


def contact_of(stage: CrmStage, record: Record) -> object:
    contact = stage.port.related(record.id).contact
    return contact and contact[stage.dialect.person["contact_email"]]


def test_a_new_customer_comes_with_its_contact(stage: CrmStage) -> None:
    before = stage.requests(), stage.contacts()
    record = with_contact(stage, ana(stage))
    assert stage.requests() - before[0] <= 4, "three, and the look after it"
    assert contact_of(stage, record) == ANA
    again = with_contact(stage, ana(stage))
    assert contact_of(stage, again) == ANA
    assert stage.contacts() == before[1] + 1, "the second deal has the same contact"


def test_a_contact_is_known_by_mail_and_then_by_name(stage: CrmStage) -> None:
    stage.pass_time()
    account = stage.add_account(**NORTHWIND)
    stage.add_contact(account, "Ana", "Ru'iz (Leeds); x", None)
    stage.add_contact(account, "Anna", "Ruiz-Smith", ANA.upper())
    before = stage.contacts()
    assert contact_of(stage, with_contact(stage, ana(stage))) == ANA.upper()
    assert contact_of(stage, with_contact(stage, ana(stage, mail=None))) is None, "the one without a mail address"
    assert stage.contacts() == before


def test_a_contact_of_another_account_is_another_person(stage: CrmStage) -> None:
    other = stage.add_account(customer="Elsewhere Ltd")
    stage.add_contact(other, "Ana", "Ru'iz (Leeds); x", ANA)
    before = stage.contacts()
    with_contact(stage, ana(stage))
    assert stage.contacts() == before + 1


def test_an_account_that_is_there_gets_the_contact_it_lacks(stage: CrmStage) -> None:
    stage.pass_time()
    account = stage.add_account(**NORTHWIND)
    stage.pass_time()
    record = with_contact(stage, ana(stage))
    assert record.columns[stage.dialect.account_of] == account
    assert contact_of(stage, record) == ANA


def test_nothing_is_made_when_the_contact_is_refused(stage: CrmStage) -> None:
    stage.refuse_contacts("Contacts come from the ERP.")
    before = stage.accounts()
    with pytest.raises(DataError, match="Contacts come from the ERP"):
        with_contact(stage, ana(stage))
    assert stage.accounts() == before
    assert contact_of(stage, with_contact(stage, None)) is None

"""What the sync may expect of a CRM: a customer's open records come with its account, and nothing costs a call more."""

from __future__ import annotations

from dataclasses import replace

from shared.crm.around import AccountWanted, Around
from shared.lifecycle import Stage
from shared.mapping.owners import Assignee, OwnerKind
from tests.contract.crm_port.test_accounts_alike import around as loosely
from tests.support.crm_words import NEW, customer, make, nobody, said
from tests.support.stages.crm import CrmStage


def wanted(stage: CrmStage, name: str) -> AccountWanted:
    return customer(stage, customer=name)


def sold_to(stage: CrmStage, name: str) -> str:
    account = wanted(stage, name).columns
    words = {word: account[column] for word, column in stage.dialect.account.items() if account.get(column)}
    return stage.add_account(**words)


def enter(stage: CrmStage, account_id: str, **words: object) -> str:
    record_id = stage.add_deal(**{stage.dialect.account_of: account_id}, **words)
    stage.pass_time()
    return record_id


def test_the_accounts_open_records_come_with_it(stage: CrmStage) -> None:
    account_id = sold_to(stage, "Fourth Coffee")
    first = enter(stage, account_id, name="Kiosks")
    unshared = enter(stage, account_id, name="Ovens", sync=False)
    over = enter(stage, account_id, name="Mugs")
    stage.close(over, Stage.LOST)
    stage.pass_time()
    around = Around(wanted(stage, "Fourth Coffee"), deals=True)
    shared = make(stage, nobody(), {**said(stage, **NEW), **stage.dialect.states[Stage.ACTIVE]}, around)
    stage.pass_time()
    before = stage.requests()
    found = stage.port.look_around(nobody(), around)
    assert stage.requests() - before == 1
    assert {each.id for each in found.deals} == {first, unshared}, "neither the closed one nor a referral's"
    assert shared.id not in {each.id for each in found.deals}
    names = {each.id: each.columns[stage.dialect.record["name"]] for each in found.deals}
    assert names == {first: "Kiosks", unshared: "Ovens"}
    read = stage.port.read(first)
    (row,) = (each for each in found.deals if each.id == first)
    assert row.columns == read.columns, "a record is the same wherever it was read"


def test_they_come_with_an_account_that_is_spelled_otherwise(stage: CrmStage) -> None:
    account_id = stage.add_account(customer="Tailspin Toys", postal_code="LS14DL")
    deal = enter(stage, account_id)
    asked = loosely(stage, enough=90, beginning="Tails")
    assert asked.account
    found = stage.port.look_around(nobody(), replace(asked, deals=True))
    assert found.account_id == account_id
    assert [each.id for each in found.deals] == [deal]


def test_a_customer_that_was_entered_twice_has_the_deals_of_both(stage: CrmStage) -> None:
    first = enter(stage, sold_to(stage, "Relecloud"), name="Kiosks")
    second = enter(stage, sold_to(stage, "Relecloud"), name="Ovens")
    found = stage.port.look_around(nobody(), Around(wanted(stage, "Relecloud"), deals=True))
    assert {each.id for each in found.deals} == {first, second}


def test_nobody_who_does_not_ask_gets_them(stage: CrmStage) -> None:
    enter(stage, sold_to(stage, "Wingtip"))
    assert stage.port.look_around(nobody(), Around(wanted(stage, "Wingtip"))).deals == ()
    assert stage.port.look_around(nobody(), Around(wanted(stage, "Nobody's"), deals=True)).deals == ()


def test_people_are_asked_for_in_the_same_call(stage: CrmStage) -> None:
    account_id = sold_to(stage, "Proseware")
    lee = stage.add_user("Lee", "Okoro", "lee.o@partner.example")
    stage.pass_time()
    owners = tuple(Assignee(OwnerKind.USER, each) for each in ("stranger's@partner.example", "lee.o@partner.example"))
    before = stage.requests()
    found = stage.port.look_around(nobody(), Around(wanted(stage, "Proseware"), owners=owners, deals=True))
    assert stage.requests() - before == 1
    assert found.account_id == account_id
    assert found.owner
    assert found.owner.id == lee

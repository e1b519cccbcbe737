"""What the sync may expect of a CRM: accounts whose name begins alike are scored, and the best is taken or named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.crm.around import Alike, Around, Columns, ContactWanted
from tests.support.crm_words import customer, nobody
from tests.support.stages.crm import CrmStage

NAME = "Northwind 100% L'Oasis_"


def around(stage: CrmStage, enough: int, beginning: str = "Northwind") -> Around:
    name, code = stage.dialect.account["customer"], stage.dialect.account["postal_code"]

    def score(held: Columns) -> int:
        return 95 if held[code] == "LS14DL" else 60

    return Around(replace(customer(stage), alike=Alike(name, beginning, (code,), score, enough)))


def test_the_account_that_is_alike_enough_is_taken(stage: CrmStage) -> None:
    stage.add_account(customer="Northwind Bakery", postal_code="M1 1AA")
    wanted = stage.add_account(customer="NORTHWIND Traders Ltd", postal_code="LS14DL")
    stage.add_account(customer="The Northwind", postal_code="LS14DL")
    stage.pass_time()
    found = stage.port.look_around(nobody(), around(stage, enough=90))
    assert found.account_id == wanted
    assert found.candidate
    assert (found.candidate.id, found.candidate.score) == (wanted, 95)


def test_one_that_is_not_is_only_named(stage: CrmStage) -> None:
    held = stage.add_account(customer="Northwind Bakery", postal_code="M1 1AA")
    stage.pass_time()
    found = stage.port.look_around(nobody(), around(stage, enough=90))
    assert found.account_id is None
    assert found.candidate
    assert (found.candidate.id, found.candidate.name) == (held, "Northwind Bakery")
    assert stage.port.look_around(nobody(), around(stage, enough=90, beginning="Zyx")).candidate is None


def test_an_equal_account_goes_before_one_that_is_alike(stage: CrmStage) -> None:
    stage.add_account(customer="Northwind Traders Ltd", postal_code="LS14DL")
    equal = stage.add_account(customer="Northwind Traders", postal_code="LS1 4DL")
    stage.pass_time()
    before = stage.requests()
    found = stage.port.look_around(nobody(), around(stage, enough=60))
    assert (found.account_id, found.candidate) == (equal, None)
    assert stage.requests() - before == 1


@pytest.mark.parametrize("beginning", [NAME, NAME[:11], "Northwind 100%"])
def test_what_a_name_begins_with_is_no_pattern(stage: CrmStage, beginning: str) -> None:
    held = stage.add_account(customer=NAME, postal_code="LS14DL")
    stage.add_account(customer="Northwind 100x LxOasisy", postal_code="LS14DL")
    stage.pass_time()
    found = stage.port.look_around(nobody(), around(stage, enough=90, beginning=beginning))
    assert found.account_id == held


def test_its_contact_comes_along(stage: CrmStage) -> None:
    account = stage.add_account(customer="Northwind Traders Ltd", postal_code="LS14DL")
    contact = stage.add_contact(account, "Ana", "Ruiz", "ana@northwind.example")
    stage.pass_time()
    mail = {stage.dialect.person["contact_email"]: "ana@northwind.example"}
    found = stage.port.look_around(nobody(), replace(around(stage, enough=90), contact=ContactWanted(mail, {}, mail)))
    assert (found.account_id, found.contact_id) == (account, contact)

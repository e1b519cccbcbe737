"""The form of a registration: filled from a record, checked before any call, and spelled as JSON Patch."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.deal import Fields
from shared.deal_registration import DealRegistration
from shared.mapping.loading import load_mapping
from shared.mapping.registration_form import CompiledForm
from tests.support.mapping_files import TEXT, refusal
from tests.support.registration import filled, section

CRM = "dynamics365"
DEAL: Fields = {"deal_value": Decimal(42000), "currency": "GBP", "solutions": ("SOL-20311-QXT",)}


def form(directory: Path, *edits: tuple[str, str]) -> CompiledForm:
    text = section(CRM)
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    (directory / f"{CRM}.yaml").write_text(f"overlay: true\nversion: own\n{text}", encoding="utf-8")
    found = load_mapping(CRM, directory).registration_form
    assert found
    return found


def test_the_deal_fills_what_no_column_says(tmp_path: Path) -> None:
    found = form(tmp_path).fill(filled(CRM), DEAL)
    assert found.problems == ()
    assert found.values == {
        "contract.value": 42000,
        "contract.currency": "GBP",
        "contract.startDateTime": "2026-04-01T00:00:00Z",
        "contract.endDateTime": "2027-03-31T00:00:00Z",
        "contract.signDateTime": "2026-03-28T00:00:00Z",
        "contract.term": "Finite",
        "solutionDetails.id": "SOL-20311-QXT",
        "solutionDetails.value": 42000,
        "solutionDetails.currency": "GBP",
        "solutionDetails.isDeployedOnAzure": True,
        "solutionDetails.primaryDeploymentOn": "Customer",
        "solutionDetails.pricingModel": "PayAsYouGo",
        "solutionDetails.marketplaceTransactionDetails.isMarketplaceTransacted": False,
    }


@pytest.mark.parametrize(
    ("changes", "deal", "wrong"),
    [
        ({"start": None}, {}, [("registration.missing", "contract_start")]),
        (
            {"start": None, "signed": None},
            {},
            [("registration.missing", "contract_start"), ("registration.missing", "contract_signed")],
        ),
        ({"start": "soon"}, {}, [("value.not_a_date", "contract_start")]),
        ({"end": None}, {}, [("registration.missing", "contract_end")]),
        ({"end": "2026-03-31"}, {}, [("registration.ends_first", "contract_end")]),
        ({"end": None, "term": 1}, {}, []),
        (
            {},
            {"deal_value": None},
            [("registration.missing", "contract_value"), ("registration.no_value", "deal_value")],
        ),
        ({"value": -1}, {}, [("registration.no_value", "contract_value")]),
        ({}, {"solutions": ()}, [("registration.missing", "registered_solution")]),
        ({}, {"solutions": ("A", "B")}, [("registration.one_solution", "registered_solution")]),
        ({"solution": "SOL-1-XYZ"}, {"solutions": ("A", "B")}, []),
        ({"solution": "Insight Hub"}, {}, [("solutions.malformed", "registered_solution")]),
        ({}, {"currency": None}, [("registration.not_mapped", "deal_registration")] * 2),
    ],
)
def test_what_is_wrong_names_its_field(
    tmp_path: Path, changes: dict[str, Any], deal: dict[str, Any], wrong: list[tuple[str, str]]
) -> None:
    problems = form(tmp_path).fill(filled(CRM, **changes), {**DEAL, **deal}).problems
    assert [(each.code, each.field) for each in problems] == wrong


def test_what_a_marketplace_transaction_needs_is_asked_for(tmp_path: Path) -> None:
    edit = ("isMarketplaceTransacted: false", "isMarketplaceTransacted: true")
    (problem,) = form(tmp_path, edit).fill(filled(CRM), DEAL).problems
    assert problem.code == "registration.not_mapped"
    assert "marketplaceTransactionDateTime" in problem.rule
    spared = ("  constants:", f"  not_needed: [{problem.values[0][1]}]\n  constants:")
    assert form(tmp_path, edit, spared).fill(filled(CRM), DEAL).problems == ()


def test_it_is_sent_as_one_object_with_one_solution(tmp_path: Path) -> None:
    compiled = form(tmp_path)
    (operation,) = compiled.first(compiled.fill(filled(CRM), DEAL))
    assert (operation["op"], operation["path"]) == ("add", "/registrations/-")
    body: Any = operation["value"]
    assert body["type"] == "AzureIPCoSell"
    assert body["contract"]["term"] == "Finite"
    assert [each["id"] for each in body["solutionDetails"]] == ["SOL-20311-QXT"]
    assert body["solutionDetails"][0]["marketplaceTransactionDetails"] == {"isMarketplaceTransacted": False}


def test_the_type_is_the_mappings(tmp_path: Path) -> None:
    compiled = form(tmp_path, ("  form:", "  type: AnotherProgram\n  form:"))
    (operation,) = compiled.first(compiled.fill(filled(CRM), DEAL))
    assert operation["value"]["type"] == "AnotherProgram"  # type: ignore[index]


def test_a_correction_replaces_only_what_may_be_replaced(tmp_path: Path) -> None:
    compiled = form(tmp_path)
    patch = compiled.correction(compiled.fill(filled(CRM), DEAL), DealRegistration("ActionRequired", number=1))
    assert {each["op"] for each in patch} == {"replace"}
    paths = {str(each["path"]).removeprefix("/registrations/1/"): each["value"] for each in patch}
    assert paths["contract/term"] == "Finite"
    assert paths["solutionDetails/0/marketplaceTransactionDetails/isMarketplaceTransacted"] is False
    assert {"contract/currency", "solutionDetails/0/id"}.isdisjoint(paths)
    assert len(paths) == 11


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ("registrations/0/contract/signDateTime", "contract_signed"),
        ("/registrations/-/contract/value", "contract_value"),
        ("registrations.solutionDetails.0.id", "registered_solution"),
        ("registrations/solutionDetails/0/pricingModel", "deal_registration"),
        ("registrations", "deal_registration"),
        ("status", "deal_registration"),
    ],
)
def test_the_place_of_a_refusal_is_a_field_of_the_form(tmp_path: Path, target: str, field: str) -> None:
    assert form(tmp_path).field_at(target) == field


def test_its_columns_are_read_with_the_record_and_its_condition_decides(tmp_path: Path) -> None:
    compiled = form(tmp_path)
    columns = load_mapping(CRM, tmp_path).record_columns
    assert set(filled(CRM)) | {"cosell_contractvalue", "cosell_registeredsolution"} <= set(columns)
    assert "cosell_registerwin" in columns
    assert "cosell_registrationstatus" not in columns
    assert compiled.wanted(filled(CRM))
    assert not compiled.wanted(filled(CRM, when=False))
    assert form(tmp_path, ("when: cosell_registerwin", "")).wanted({})


def test_without_the_section_nothing_changes(tmp_path: Path) -> None:
    plain = load_mapping(CRM)
    assert plain.registration_form is None
    form(tmp_path)
    assert load_mapping(CRM, tmp_path).version != plain.version
    said = plain.file.said()
    assert "registration" not in said, "what is not there is no reason to look at every deal"
    fields = said["fields"]
    assert isinstance(fields, list)
    assert not [row for row in fields if "rows" in row]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("field: contract_end", "field: contract_start", "more than one value for the field contract_start"),
        ("referral: contract.endDateTime", "referral: contract.startDateTime", "more than one value for the path"),
        (
            "    solutionDetails.isDeployedOnAzure",
            "    contract.term: Finite\n    solutionDetails.isDeployedOnAzure",
            "path",
        ),
        ("when: cosell_registerwin", "when: a b c", "JMESPath"),
        ("status_column:", "status_colum:", "status_colum"),
    ],
)
def test_a_section_that_contradicts_itself_is_not_loaded(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = section(CRM)
    assert text.count(old) == 1
    assert said in refusal(tmp_path, TEXT + text.replace(old, new))

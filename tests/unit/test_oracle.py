"""The oracle of the simulation shares nothing with the product, knows every field, and can tell a difference."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.oracle import sides
from tests.oracle.spelling import FIELDS
from tests.oracle.wishes import HERE, THERE, Wishes
from tests.support.referral_sample import opportunity, referral_body

ROOT = Path(__file__).resolve().parents[2]
ORACLE = sorted((ROOT / "tests" / "oracle").glob("*.py"))
CHECKS = [ROOT / "tests" / "simulation" / name for name in ("agreement.py", "promises.py")]
"""What asks the oracle: it may look at a link, and at nothing that translates, compares, decides or writes."""


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("file", ORACLE, ids=lambda file: file.stem)
def test_the_oracle_imports_nothing_but_python_and_itself(file: Path) -> None:
    ours = {"shared", "tools", "tests"}
    foreign = [name for name in _imported(file) if name.split(".")[0] in ours and not name.startswith("tests.oracle")]
    assert foreign == []


@pytest.mark.parametrize("file", CHECKS, ids=lambda file: file.stem)
def test_what_asks_it_takes_only_the_link_from_the_product(file: Path) -> None:
    assert {name for name in _imported(file) if name.startswith("shared")} <= {"shared.link"}


@pytest.mark.parametrize(("crm", "side"), [("dynamics365", 0), ("salesforce", 1)])
def test_it_knows_every_field_of_the_default_mappings(crm: str, side: int) -> None:
    rows = yaml.safe_load((ROOT / "shared" / "mapping" / f"{crm}.yaml").read_text("utf-8"))["fields"]
    ours = {(row["field"], row["referral"], row["column"]) for row in rows if row.get("side") != "microsoft"}
    assert {(each.name, each.path, each.columns[side]) for each in FIELDS} == ours


def test_the_documented_deal_agrees_with_its_record() -> None:
    assert sides.apart(referral_body(), opportunity()) == []


OTHER: dict[str, Any] = {
    "name": "another",
    "estimatedvalue": 42_000.01,
    "transactioncurrencyid": "USD",
    "estimatedclosedate": "2026-04-01",
    "description": None,
    "cosell_products": "SOL-20311-QXT, SOL-2",
    "cosell_referralvisibility": False,
    "cosell_referralprogram": "IoT",
    "cosell_marketplaceintent": 1,
    "cosell_decideby": "2026-01-01",
    "statecode": 1,
}


@pytest.mark.parametrize("column", OTHER)
def test_it_tells_each_difference(column: str) -> None:
    (found,) = sides.apart(referral_body(), opportunity() | {column: OTHER[column]})
    assert found.field == next((each.name for each in FIELDS if each.columns[0] == column), "status")


def test_what_only_the_record_holds_of_the_help_is_no_difference() -> None:
    assert sides.apart(referral_body(), opportunity() | {"cosell_howcanmicrosofthelp": 2}) == []


def test_a_cut_text_agrees_and_a_shorter_one_does_not() -> None:
    body = referral_body()
    body["details"]["notes"] = "x" * 2500
    assert sides.apart(body, opportunity() | {"description": "x" * 2000}) == []
    assert [each.field for each in sides.apart(body, opportunity() | {"description": "x" * 1500})] == ["notes"]


def test_a_base_that_says_otherwise_is_told() -> None:
    base = {"notes": "of yesterday"}
    assert "notes" in {each.field for each in sides.false_base(referral_body(), opportunity(), base)}


def test_of_two_wishes_the_crm_wins_and_what_both_hold_is_no_wish() -> None:
    wishes = Wishes()
    wishes.edited(THERE, "r", "notes", "theirs")
    assert wishes.wanted("o", "r", "notes") == "theirs"
    wishes.edited(HERE, "o", "notes", "ours")
    assert wishes.wanted("o", "r", "notes") == "ours"
    assert wishes.possible("o", "r", "notes") == {"ours", "theirs"}
    wishes.agreed("o", "r", "notes")
    assert wishes.wanted("o", "r", "notes") is None

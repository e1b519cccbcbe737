"""docs/MAPPING.md: every recipe is a mapping that loads and has no fault, and the table is the default file's."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from shared.mapping.check.findings import Severity
from shared.mapping.check.lint import lint
from shared.mapping.check.needs import record_needs
from shared.mapping.loading import load_mapping, positions
from shared.mapping.model import OPTIONS, CodecName, FieldRow
from shared.merge import Policy

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "MAPPING.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECIPES = [
    (name, re.sub(r"(?m)^   (?= |#|\S)", "", text) if indented else text)
    for indented, text, name in re.findall(r"(?ms)^( *)```yaml\n( *# (\w+)\.yaml\n.*?)^ *```", GUIDE)
]


@pytest.mark.parametrize(("crm", "text"), RECIPES, ids=[re.search(r"version: (\S+)", each[1])[1] for each in RECIPES])  # type: ignore[index]
def test_every_recipe_is_a_mapping_without_a_fault(crm: str, text: str, tmp_path: Path) -> None:
    (tmp_path / f"{crm}.yaml").write_text(text, encoding="utf-8")
    field_map = load_mapping(crm, tmp_path)
    found = lint(field_map.file, positions(crm, tmp_path))
    assert [str(each) for each in found if each.severity is Severity.ERROR] == []


def test_there_are_recipes_for_what_an_admin_asks_first() -> None:
    crms = Counter(crm for crm, _ in RECIPES)
    assert crms["dynamics365"] >= 10
    assert crms["salesforce"] >= 5
    assert len({text for _, text in RECIPES}) == len(RECIPES)


@pytest.mark.parametrize(
    ("crm", "column", "row"),
    [
        pytest.param(crm, column, row, id=f"{crm}-{row.field}")
        for crm, column in (("dynamics365", 2), ("salesforce", 3))
        for row in load_mapping(crm).file.fields
    ],
)
def test_the_table_says_what_the_default_files_say(crm: str, column: int, row: FieldRow) -> None:
    (line,) = [line for line in GUIDE.splitlines() if line.startswith(f"| `{row.field}` | `{row.referral}`")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    winner = {Policy.CRM: "CRM", Policy.PARTNER_CENTER: "Partner Center", Policy.HOLD: "hold"}[row.conflict]
    assert cells[column] == f"`{row.column}`", crm
    assert cells[4:] == [", ".join(row.to_crm), ", ".join(row.to_partner_center), winner]


@pytest.mark.parametrize("crm", ["dynamics365", "salesforce"])
def test_the_readme_lists_the_columns_that_provision_makes(crm: str) -> None:
    listed = set(re.findall(r"(?m)^\| [^|]+ \| `(\w+)` \| [A-Z]", README))
    made = {need.column for need in record_needs(load_mapping(crm).file) if re.search(r"^cosell_|__c$", need.column)}
    assert len(made) == 16
    assert made <= listed


def test_every_codec_and_every_key_of_a_row_is_explained() -> None:
    for codec in CodecName.__args__:  # type: ignore[attr-defined]
        assert f"| `{codec}` |" in GUIDE
        for option in OPTIONS.get(codec, ()):
            assert f"`{option}" in GUIDE
    explained = {
        name
        for line in GUIDE.splitlines()
        for name in re.findall(r"`(\w+)`", line.split("|")[1] if "|" in line else "")
    }
    keys = {
        "to_crm",
        "to_partner_center",
        "conflict",
        "default",
        "never_unset",
        "never_clear_crm",
        "referral",
        "fallback",
        "column",
    }
    assert keys <= explained

"""Vocabularies: many options to one code and back, codes nobody listed, and entries of lists of objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.errors import MappingError
from shared.mapping import codecs
from shared.mapping.check.lint import lint
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping, positions
from shared.mapping.unreadable import UnreadableValue
from shared.merge import Change, Closed, plan
from shared.messages.reasons import Reason
from tests.support.referral_sample import opportunity, referral_body

PIPELINE = {
    "Identified": "10",
    "Qualified": "20",
    "Solution shaped": "40",
    "Demonstrated": "40",
    "Proposed": "60",
    "Negotiating": "80",
    "Signed": "100",
}
"""Seven stages of a seller, for Partner Center's six."""

STAGES = codecs.choice(PIPELINE, written={"40": "Solution shaped"})
REASONS = codecs.choice({1: "Budget inadequate", 8: "Other"}, other=8)
ATTRIBUTES = "details.requirements.additionalRequirements.attributes"


def overlaid(directory: Path, fields: str, crm: str = "dynamics365") -> FieldMap:
    text = f"overlay: true\nversion: words\nfields:\n{fields}"
    (directory / f"{crm}.yaml").write_text(text, encoding="utf-8")
    return load_mapping(crm, directory)


# --- many options, one code ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stage", "code"), PIPELINE.items())
def test_every_stage_of_a_pipeline_has_its_code(stage: str, code: str) -> None:
    assert STAGES.from_record(stage) == code


def test_the_declared_option_is_written_for_a_code_that_several_have() -> None:
    assert [STAGES.to_record(code) for code in ("20", "40", "60")] == ["Qualified", "Solution shaped", "Proposed"]


def test_a_move_between_two_stages_of_one_code_is_no_change_for_partner_center(tmp_path: Path) -> None:
    field_map = overlaid(
        tmp_path,
        """
  - field: sales_stage
    referral: salesStage
    column: new_stage
    codec: choice
    values: {1: "20", 2: "40", 3: "40"}
    written: {"40": 2}
    to_crm: [create, update]
    to_partner_center: [create, update]
    conflict: crm
""",
    )
    referral, _ = field_map.read_referral({**referral_body(), "salesStage": "40"})
    record, _ = field_map.read_record({**opportunity(), "new_stage": 3})
    rules = [rule for rule in field_map.rules if rule.name == "sales_stage"]
    made = plan({"sales_stage": "40"}, referral, record, rules, Closed())
    assert (made.to_crm, made.to_partner_center, made.differences) == ((), (), ())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("values: {1: a, 2: a}", "several options for a: say under `written`"),
        ("values: {1: a, 2: a}\n    written: {b: 1}", "several options for a"),
        ("values: {1: a}\n    written: {a: 2}", "`written` says 2 for a, which `values` does not"),
        ("values: {1: a}\n    other: 3", "`other` is 3, which is no option of `values`"),
    ],
)
def test_a_table_that_leaves_something_open_is_refused(tmp_path: Path, values: str, said: str) -> None:
    row = "  - field: x\n    referral: campaignId\n    column: new_x\n    codec: choice\n    conflict: crm\n"
    with pytest.raises(MappingError, match=said):
        overlaid(tmp_path, f"{row}    to_crm: []\n    to_partner_center: []\n    {values}\n")


# --- codes that no table has -----------------------------------------------------------------------------------------


def test_codes_are_known_in_any_case() -> None:
    assert codecs.choice({1: "HaveNotDecided"}).from_referral(" havenotdecided ") == "HaveNotDecided"


def test_an_unknown_code_is_a_problem_or_nothing_chosen() -> None:
    with pytest.raises(UnreadableValue):
        codecs.choice({1: "Yes"}).from_referral("Perhaps")
    assert codecs.choice({1: "Yes"}, ignore_unknown=True).from_referral("Perhaps") is None
    assert codecs.choice({1: "Yes"}, ignore_unknown=True).from_referral(["Yes"]) is None


def test_a_text_that_no_option_has_is_shown_as_other_and_stays_what_it_is() -> None:
    value = REASONS.from_referral("They built it themselves")
    assert (value, REASONS.to_record(value), REASONS.fit(value)) == ("They built it themselves", 8, "Other")
    assert REASONS.to_referral(value, None) == "They built it themselves"
    assert REASONS.fit("Budget inadequate") == "Budget inadequate"
    assert (REASONS.fit(None), REASONS.to_record(None)) == (None, None)


# --- entries of lists ------------------------------------------------------------------------------------------------

AREA = {"type": "SolutionArea", "id": "Security"}
INTENT = codecs.entry("CustomerMarketplaceIntent", "type", codecs.choice({1: "Yes", 3: "HaveNotDecided"}))


def test_an_entry_is_found_by_its_type() -> None:
    assert INTENT.from_referral([AREA, {"type": "customermarketplaceintent", "id": "Yes"}]) == "Yes"
    assert INTENT.from_referral([AREA]) is None
    assert INTENT.from_referral(["no object", None, {"type": None}, {"type": "CustomerMarketplaceIntent"}]) is None
    assert INTENT.from_referral(None) is None
    assert INTENT.from_referral({}) is None
    with pytest.raises(UnreadableValue):
        INTENT.from_referral("Yes")


def test_a_write_keeps_the_other_entries_and_what_stands_beside_the_id() -> None:
    held = [{"type": "CustomerMarketplaceIntent", "id": "HaveNotDecided", "since": "2026"}, AREA]
    assert INTENT.to_referral("Yes", held) == [
        AREA,
        {"type": "CustomerMarketplaceIntent", "id": "Yes", "since": "2026"},
    ]
    assert INTENT.to_referral("Yes", None) == [{"type": "CustomerMarketplaceIntent", "id": "Yes"}]
    assert INTENT.to_referral(None, held) == [AREA]


def test_two_rows_of_one_list_are_one_operation(tmp_path: Path) -> None:
    field_map = overlaid(
        tmp_path,
        f"  - {{field: area, referral: {ATTRIBUTES}, entry: SolutionArea, column: new_area, codec: text,"
        " to_crm: [create], to_partner_center: [create], conflict: crm}\n",
    )
    changes = [
        Change("area", None, "Security", Reason.CHANGED_IN_CRM),
        Change("marketplace_intent", None, "Yes", Reason.CHANGED_IN_CRM),
    ]
    assert field_map.needs_source(changes[:1]), "the entries of other types go back as they were"
    (operation,) = field_map.operations(changes, referral_body())
    assert operation["path"] == "/" + ATTRIBUTES.replace(".", "/")
    assert operation["value"] == [AREA, {"type": "CustomerMarketplaceIntent", "id": "Yes"}]


@pytest.mark.parametrize("crm", ["dynamics365", "salesforce"])
def test_the_marketplace_intent_of_a_new_deal_is_undecided_until_somebody_says_otherwise(crm: str) -> None:
    field_map = load_mapping(crm)
    nothing: dict[str, Any] = dict.fromkeys(field_map.rows)
    fields = field_map.created_in_partner_center(nothing)
    assert fields["marketplace_intent"] == "HaveNotDecided"
    assert field_map.created_in_partner_center({**nothing, "marketplace_intent": "Yes"})["marketplace_intent"] == "Yes"


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (f"referral: {ATTRIBUTES}, codec: ids", "holds objects of several types; name the one that the row is about"),
        ("referral: customerProfile.ids, codec: solutions", "holds objects of several types"),
        (f"referral: {ATTRIBUTES}, entry: SolutionArea, codec: ids", "the id of an entry is text"),
        ("referral: campaignId, entry: SolutionArea, codec: text", "campaignId is no list of {type, id} objects"),
        ("referral: details.solutionArea, codec: text", "no page shows where details.solutionArea stands"),
    ],
)
def test_lint_knows_lists_of_entries(tmp_path: Path, row: str, what: str) -> None:
    directions = "to_crm: [create], to_partner_center: [], conflict: crm"
    field_map = overlaid(tmp_path, f"  - {{field: own, column: new_own, {directions}, {row}}}\n")
    found = lint(field_map.file, positions("dynamics365", tmp_path))
    assert [each.what for each in found if what in each.what], found


def test_lint_finds_a_constant_entry_that_a_row_writes_as_well(tmp_path: Path) -> None:
    constant = f"new_referral: {{{ATTRIBUTES}: [{{type: CustomerMarketplaceIntent, id: Yes}}]}}"
    field_map = overlaid(tmp_path, f"  - {{field: notes, limit: 1000}}\n{constant}\n")
    (found,) = lint(field_map.file, positions("dynamics365", tmp_path))
    assert "is also written by marketplace_intent: two writers, one target" in found.what


def test_an_entry_of_no_type_is_nobodys() -> None:
    nameless = codecs.entry("None", "type", codecs.text())
    assert nameless.from_referral([{"id": "another"}, {"type": None, "id": "another"}]) is None

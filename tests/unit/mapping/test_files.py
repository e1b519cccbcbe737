"""Every mistake in a mapping file is named by file, line, field and rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.deal import STANDARD_FIELDS, STATUS
from shared.errors import MappingError
from shared.mapping.loading import load_mapping
from tests.support.mapping_files import edited, line_of, load, refusal

FIELD_MAP = load_mapping("dynamics365")


def test_the_built_in_file_has_every_standard_field() -> None:
    assert set(STANDARD_FIELDS) <= FIELD_MAP.field_names
    assert STATUS in FIELD_MAP.field_names


def test_a_file_in_mapping_dir_replaces_the_built_in_one(tmp_path: Path) -> None:
    field_map = load(tmp_path, edited("column: estimatedvalue", "column: new_amount"))
    assert field_map.rows["deal_value"].pair.column == "new_amount"
    assert "new_amount" in field_map.record_columns
    assert load_mapping("dynamics365").rows["deal_value"].pair.column == "estimatedvalue"


def test_a_mapping_dir_without_the_file_leaves_the_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "salesforce.yaml").write_text("not: this one", encoding="utf-8")
    assert load_mapping("dynamics365", tmp_path).version == FIELD_MAP.version


@pytest.mark.parametrize(
    ("files", "part"),
    [
        (["dynamics.yaml"], "it holds dynamics.yaml"),
        (["dynamics365.yml"], "it holds dynamics365.yml"),
        (["salesforce.yaml", "mine.yaml"], "it holds mine.yaml"),
        ([], "it holds no mapping file"),
    ],
)
def test_a_folder_whose_file_has_another_name_is_not_passed_over(tmp_path: Path, files: list[str], part: str) -> None:
    for name in files:
        (tmp_path / name).write_text("overlay: true\nversion: ours\n", encoding="utf-8")
    with pytest.raises(MappingError, match=part) as caught:
        load_mapping("dynamics365", tmp_path)
    assert "Name the file dynamics365.yaml" in str(caught.value)


def test_an_overlay_that_does_not_say_so_is_one_mistake(tmp_path: Path) -> None:
    message = refusal(tmp_path, "version: ours\nfields:\n  - {field: notes, column: new_notes}\n")
    assert "begins with `overlay: true`" in message.splitlines()[0]
    assert len(message.splitlines()) == 2


def test_a_misspelt_row_of_an_overlay_is_one_mistake_with_the_right_name(tmp_path: Path) -> None:
    (told,) = refusal(tmp_path, "overlay: true\nversion: x\nfields:\n  - {field: note, limit: 5}\n").splitlines()
    assert told.startswith("dynamics365.yaml, line 4: fields.note: referral, column, codec")
    assert told.endswith("did you mean notes?")


def test_an_empty_file_says_how_to_begin(tmp_path: Path) -> None:
    assert refusal(tmp_path, "# nothing yet\n") == (
        "dynamics365.yaml, line 1: the file is empty; an overlay begins with `overlay: true` and a version"
    )


def test_a_mapping_dir_that_is_no_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="MAPPING_DIR"):
        load_mapping("dynamics365", tmp_path / "absent")


@pytest.mark.parametrize(
    ("old", "new", "field", "told"),
    [
        ("    column: estimatedvalue", "    colum: estimatedvalue", "fields.deal_value.colum", "did you mean column?"),
        ("    column: estimatedvalue\n", "", "fields.deal_value", "column is missing"),
        ("    codec: money\n", "    codec: cash\n", "fields.deal_value.codec", "money"),
        ("    digits: 2", "    digits: -1", "fields.deal_value.digits", "greater than or equal to 0"),
        ("    limit: 300", "    limit: 0", "fields.name.limit", "greater than 0"),
        ("    limit: 300", "    limit: many", "fields.name.limit", "must be a whole number"),
        ("referral: details.dealValue", "referral: details..dealValue", "fields.deal_value.referral", "dots between"),
        ("referral: details.dealValue", "referral: /details/dealValue", "fields.deal_value.referral", "dots between"),
        ("  - field: deal_value", "  - field: Deal Value", "fields.Deal Value.field", "lower-case letters"),
        (
            "    to_partner_center: [create] # Partner Center documents no update of the name",
            "    to_partner_center: [delete] # Partner",
            "fields.name",
            "create",
        ),
        ("table: opportunity", "tabel: opportunity", "tabel", "did you mean table?"),
        ('version: "1"', "version: [1]", "version", "must be text"),
        ("  audit: cosell_audit\n", "", "columns", "audit is missing"),
        ("  won: [{statecode: 1, statuscode: 3}, {statecode: 1}]", "  won: []", "status.won", "at least 1"),
        ("partner_led_type: Independent", "partner_led_type: Alone", "partner_led_type", "Shared"),
        ("check_mark_in_name: false", "check_mark_in_name: perhaps", "check_mark_in_name", "true or false"),
        ("  match: [customer_name, postal_code]", "  match: [customer_name, zip]", "account", "zip"),
        ("    empty: [Unknown]", "    empty: Unknown", "fields.help.empty", "must be a list"),
        (
            "    codec: choice\n    values:\n      1: Work",
            "    codec: text\n    values:\n      1: Work",
            "fields.help",
            "values",
        ),
        ("    codec: money\n", "    codec: choice\n", "fields.deal_value", "values"),
        (
            "      6: GeneralOrOther",
            "      6: QuotesOrLicensing",
            "fields.help",
            "several options for QuotesOrLicensing: say under `written`",
        ),
        ("  - field: deal_value", "  - field: currency", "the file", "more than one row for the field currency"),
        ("column: estimatedvalue", "column: description", "the file", "more than one row for the column description"),
        ("  - field: deal_value", "  - field: worth", "the file", "lacks deal_value"),
        ("  - field: referral_program", "  - field: status", "the file", "separate table"),
    ],
)
def test_a_mistake_is_named_by_file_line_field_and_rule(
    tmp_path: Path, old: str, new: str, field: str, told: str
) -> None:
    text = edited(old, new)
    message = refusal(tmp_path, text)
    assert message.startswith("dynamics365.yaml, line ")
    assert f": {field}" in message
    assert told in message
    assert not re.search(r"fields\.[0-9]|Input should|Field required|tuple", message)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    codec: money\n", "    codec: cash\n"),
        ("    limit: 300", "    limit: many"),
        ("  match: [customer_name, postal_code]", "  match: 5"),
        ("check_mark_in_name: false", "check_mark_in_name: perhaps"),
    ],
)
def test_the_line_is_the_mistakes_own(tmp_path: Path, old: str, new: str) -> None:
    text = edited(old, new)
    assert f"line {line_of(text, new.strip())}:" in refusal(tmp_path, text)


def test_the_line_of_an_absent_key_is_its_rows(tmp_path: Path) -> None:
    text = edited("    column: estimatedvalue\n", "")
    assert f"line {line_of(text, '- field: deal_value')}:" in refusal(tmp_path, text)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = edited("    codec: money\n", "    codec: cash\n").replace("limit: 300", "limit: many", 1)
    text = text.replace("table: opportunity\n", "")
    message = refusal(tmp_path, text)
    assert len(message.splitlines()) == 3
    for field in ("fields.deal_value.codec", "fields.name.limit", "table"):
        assert field in message


@pytest.mark.parametrize("text", ["fields: [", "a: b: c", "\t- x", "- &a [*b]", "key: \x07"])
def test_broken_yaml_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    message = refusal(tmp_path, text)
    assert message.startswith("dynamics365.yaml")


@pytest.mark.parametrize("text", ["", "just text", "- a\n- b", "5"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    assert "dynamics365.yaml, line 1: the file" in refusal(tmp_path, text)


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dynamics365.yaml").write_bytes(b"version: \xff\xfe")
    with pytest.raises(MappingError, match=r"dynamics365\.yaml"):
        load_mapping("dynamics365", tmp_path)


def test_an_impossible_date_is_a_mistake_and_not_a_crash(tmp_path: Path) -> None:
    assert "dynamics365.yaml" in refusal(tmp_path, edited('version: "1"', "version: 2026-02-30"))


def test_a_key_that_stands_twice_is_a_mistake(tmp_path: Path) -> None:
    # YAML lets the last one win in silence; half of what the person wrote would be ignored.
    text = edited("column: estimatedvalue", "column: estimatedvalue\n    column: budgetamount")
    assert "column" in refusal(tmp_path, text)


def test_an_account_field_that_stands_twice_is_a_mistake(tmp_path: Path) -> None:
    text = edited("- {field: city, ", "- {field: customer_name, ")
    assert "customer_name" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("old", "new", "option"),
    [
        ("    column: estimatedclosedate\n", "    column: estimatedclosedate\n    limit: 10\n", "limit"),
        ("    codec: money\n    digits: 2\n", "    codec: money\n    limit: 7\n", "limit"),
        ("    column: transactioncurrencyid", "    empty: [XXX]\n    column: transactioncurrencyid", "empty"),
        ("    column: estimatedclosedate\n", "    column: estimatedclosedate\n    never_unset: true\n", "never_unset"),
    ],
)
def test_an_option_that_the_codec_would_ignore_is_a_mistake(tmp_path: Path, old: str, new: str, option: str) -> None:
    assert option in refusal(tmp_path, edited(old, new))


def test_a_default_that_the_codec_cannot_write_is_a_mistake(tmp_path: Path) -> None:
    assert "default" in refusal(tmp_path, edited("    digits: 2\n", "    digits: 2\n    default: plenty\n"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("column: estimatedvalue", "column: new_amount"),
        ("  sync: cosell_syncwithpartnercenter", "  sync: new_sync"),
        ("edits_on_hold: wait", "edits_on_hold: send"),
        ("new_record: {}", "new_record: {leadsource: 3}"),
        ("new_record: {}", "new_record: {}\nsync_when: {record: estimatedvalue >= `10000`}"),
        ("  qualification: SalesQualified", "  qualification: MarketingQualified"),
    ],
)
def test_whatever_a_file_says_is_part_of_its_stamp(old: str, new: str, tmp_path: Path) -> None:
    """An edit of the file has its deals looked at, whether somebody thought of its version or not."""
    assert load(tmp_path, edited(old, new)).version != FIELD_MAP.version


def test_an_overlay_changes_what_it_names_of_a_section_and_nothing_else(tmp_path: Path) -> None:
    text = "overlay: true\nversion: mine\nnew_referral: {qualification: MarketingQualified}\naccount: {}\n"
    changed, built_in = load(tmp_path, text).file, FIELD_MAP.file
    assert changed.new_referral == {**built_in.new_referral, "qualification": "MarketingQualified"}
    assert len(changed.new_referral) > 3
    assert changed.account == built_in.account

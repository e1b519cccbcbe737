"""The mapping file: the built-in one translates the documented referral, and every mistake in one is named."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from shared.deal import STANDARD_FIELDS, STATUS, Fields
from shared.errors import DataError, MappingError
from shared.lifecycle import Stage
from shared.mapping.field_map import FieldMap, get_path, put_path, stage_of
from shared.mapping.loading import BUILT_IN, load_mapping
from shared.merge import Change
from tests.support.referral_sample import ACCOUNT, CONTACT, OWNER, opportunity, referral_body

MAPPING = load_mapping("dynamics365")
TEXT = (BUILT_IN / "dynamics365.yaml").read_text(encoding="utf-8")

GOLDEN: Fields = {
    "name": "Northwind analytics rollout",
    "deal_value": Decimal(42000),
    "currency": "GBP",
    "closing_date": date(2026, 3, 31),
    "notes": "Phase one scoping",
    "solutions": ("SOL-20311-QXT",),
    "visible_to_microsoft": True,
    "help": None,
    "microsoft_crm_identifier": None,
    "referral_program": None,
    "status": Stage.ACTIVE,
}


def edited(old: str, new: str) -> str:
    """The built-in file with one edit, which must apply exactly once."""
    assert TEXT.count(old) == 1, old
    return TEXT.replace(old, new)


def write(directory: Path, text: str) -> Path:
    (directory / "dynamics365.yaml").write_text(text, encoding="utf-8")
    return directory


def load(directory: Path, text: str) -> FieldMap:
    return load_mapping("dynamics365", write(directory, text))


def refusal(directory: Path, text: str) -> str:
    with pytest.raises(MappingError) as caught:
        load(directory, text)
    return str(caught.value)


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


# --- the documented referral -----------------------------------------------------------------------------------------


def test_the_documented_referral_in_canonical_values() -> None:
    assert MAPPING.read_referral(referral_body()) == GOLDEN


def test_the_corresponding_opportunity_has_the_same_canonical_values() -> None:
    assert MAPPING.read_record(opportunity()) == GOLDEN


def test_canonical_values_as_columns() -> None:
    assert MAPPING.record_values(GOLDEN) == {
        "name": "Northwind analytics rollout",
        "estimatedvalue": 42000,
        "transactioncurrencyid": "GBP",
        "estimatedclosedate": "2026-03-31",
        "description": "Phase one scoping",
        "cosell_products": "SOL-20311-QXT",
        "cosell_referralvisibility": True,
        "cosell_howcanmicrosofthelp": None,
        "cosell_microsoftcrmidentifier": None,
        "cosell_referralprogram": None,
    }


def test_canonical_values_as_referral_json_for_a_create() -> None:
    fields = {name: value for name, value in GOLDEN.items() if name != STATUS}
    assert MAPPING.referral_values(MAPPING.rows.values(), fields)["details"] == {
        "dealValue": 42000,
        "currency": "GBP",
        "closingDateTime": "2026-03-31T00:00:00Z",
        "notes": "Phase one scoping",
        "requirements": {"solutions": [{"type": "Name", "id": "SOL-20311-QXT"}]},
    }


def test_the_people_and_the_customer_are_read_alike_from_both_sides() -> None:
    body = referral_body()
    for rows, document, columns in [
        (MAPPING.account, body, ACCOUNT),
        (MAPPING.contact, body["customerProfile"]["team"][0], CONTACT),
        (MAPPING.owner, body["team"][0], OWNER),
    ]:
        for row in rows:
            assert row.read_referral(document) == row.read_record(columns)


def test_the_fall_backs_are_asked_only_for_what_is_empty() -> None:
    state = next(row for row in MAPPING.account if row.name == "state")
    phone = next(row for row in MAPPING.owner if row.name == "phone")
    body = referral_body()
    body["customerProfile"]["address"]["region"] = "Yorkshire"
    assert state.read_referral(body) == "Yorkshire"
    body["customerProfile"]["address"]["state"] = "West Yorkshire"
    assert state.read_referral(body) == "West Yorkshire"
    assert phone.read_record({"mobilephone": "", "address1_telephone1": "+2"}) == "+2"
    assert phone.read_record({"mobilephone": "+1", "address1_telephone1": "+2"}) == "+1"


@pytest.mark.parametrize("part", ["details", "consent", "inviteContext", "trackingInfo", "referralProgram"])
def test_a_referral_that_lacks_a_part_is_still_read(part: str) -> None:
    body = referral_body()
    del body[part]
    fields = MAPPING.read_referral(body)
    assert fields["name"] == GOLDEN["name"]
    assert set(fields) == set(GOLDEN)


def test_every_column_that_is_written_is_read() -> None:
    columns = set(MAPPING.record_columns)
    assert set(MAPPING.record_values(GOLDEN)) <= columns
    assert {"statecode", "statuscode", "cosell_syncwithpartnercenter", "cosell_referralidentifier"} <= columns
    assert len(columns) == len(MAPPING.record_columns)


# --- errors of one deal ----------------------------------------------------------------------------------------------


def test_a_bad_value_names_field_rule_and_place_in_partner_center() -> None:
    body = referral_body()
    body["details"]["currency"] = "EURO"
    with pytest.raises(DataError) as caught:
        MAPPING.read_referral(body)
    (problem,) = caught.value.problems
    assert problem.field == "currency"
    assert "ISO 4217" in problem.rule
    assert "details.currency" in problem.remedy


def test_a_bad_value_names_field_rule_and_column_of_the_crm() -> None:
    with pytest.raises(DataError) as caught:
        MAPPING.read_record({**opportunity(), "cosell_howcanmicrosofthelp": 9})
    (problem,) = caught.value.problems
    assert problem.field == "help"
    assert "cosell_howcanmicrosofthelp" in problem.remedy


def test_every_bad_value_of_a_record_is_named_at_once() -> None:
    # DataError's promise: "every problem found is named at once".
    bad = {**opportunity(), "cosell_howcanmicrosofthelp": 9, "estimatedclosedate": "soon"}
    with pytest.raises(DataError) as caught:
        MAPPING.read_record(bad)
    assert {problem.field for problem in caught.value.problems} == {"help", "closing_date"}


# --- operations ------------------------------------------------------------------------------------------------------


def change(name: str, new: object) -> Change:
    return Change(name, None, new, "test")  # type: ignore[arg-type]


def test_changes_become_replacements_at_the_mapped_paths() -> None:
    changes = [change("deal_value", Decimal(51000)), change("currency", "EUR"), change("notes", None)]
    assert MAPPING.operations(changes, None) == [
        {"op": "replace", "path": "/details/dealValue", "value": 51000},
        {"op": "replace", "path": "/details/currency", "value": "EUR"},
        {"op": "replace", "path": "/details/notes", "value": ""},
    ]


def test_status_and_substatus_travel_together() -> None:
    assert MAPPING.operations([change("status", Stage.WON)], None) == [
        {"op": "replace", "path": "/status", "value": "Closed"},
        {"op": "replace", "path": "/substatus", "value": "Won"},
    ]
    # A stage that was stored in a base is plain text when it comes back.
    assert MAPPING.operations([change("status", "declined")], None)[1]["value"] == "Declined"


def test_solutions_are_written_over_what_the_referral_holds() -> None:
    changes = [change("solutions", ("SOL-20311-QXT", "SOL-9-NEW"))]
    body = referral_body()
    (operation,) = MAPPING.operations(changes, body)
    assert operation["path"] == "/details/requirements/solutions"
    written = operation["value"]
    assert isinstance(written, list)
    assert body["details"]["requirements"]["solutions"][0] in written
    assert {"type": "Name", "id": "SOL-9-NEW"} in written


def test_only_lists_need_the_source() -> None:
    assert MAPPING.needs_source([change("solutions", ())])
    assert MAPPING.needs_source([change("notes", "x"), change("solutions", ())])
    assert not MAPPING.needs_source([change("notes", "x"), change("status", Stage.WON)])
    assert not MAPPING.needs_source([])


def test_every_field_that_may_be_patched_is_on_partner_centers_list() -> None:
    allowed = {
        "/campaignId",
        "/consent/consentToShareReferralWithMicrosoftSellers",
        "/details/closingDateTime",
        "/details/currency",
        "/details/dealValue",
        "/details/notes",
        "/details/requirements/solutions",
        "/externalReferenceId",
        "/referralProgram",
        "/salesStage",
        "/statusReason",
    }
    for rule in MAPPING.rules:
        if rule.to_partner_center:
            assert MAPPING.rows[rule.name].pointer in allowed


# --- status ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "reason", "stage"),
    [
        (0, 2, Stage.ON_HOLD),
        (0, 1, Stage.ACTIVE),
        (0, 100_000_001, Stage.ACTIVE),
        (1, 3, Stage.WON),
        (1, 100_000_002, Stage.WON),
        (2, 4, Stage.LOST),
        (2, 5, Stage.LOST),
        (2, 100_000_003, Stage.LOST),
    ],
)
def test_a_custom_status_reason_counts_by_its_state(state: int, reason: int, stage: Stage) -> None:
    assert MAPPING.record_stage({"statecode": state, "statuscode": reason}) is stage


def test_an_unknown_state_is_refused_with_what_was_seen() -> None:
    with pytest.raises(DataError, match=r"statecode.*7"):
        MAPPING.record_stage({"statecode": 7, "statuscode": 1})


@pytest.mark.parametrize("stage", sorted(Stage))
def test_what_is_written_for_a_stage_is_read_as_that_stage(stage: Stage) -> None:
    seen = MAPPING.record_stage(MAPPING.status_columns(stage))
    assert seen is (stage if stage in (Stage.ON_HOLD, Stage.ACTIVE, Stage.WON) else Stage.LOST)


def test_a_status_reason_of_ones_own_can_be_given_a_meaning(tmp_path: Path) -> None:
    text = edited(
        "lost: [{statecode: 2, statuscode: 4}, {statecode: 2}]",
        "lost: [{statecode: 2, statuscode: 100000009}, {statecode: 2}, {statecode: 0, statuscode: 100000007}]",
    )
    mapping = load(tmp_path, text)
    assert mapping.record_stage({"statecode": 0, "statuscode": 100_000_007}) is Stage.LOST
    assert mapping.record_stage({"statecode": 0, "statuscode": 100_000_008}) is Stage.ACTIVE
    assert mapping.status_columns(Stage.LOST) == {"statecode": 2, "statuscode": 100_000_009}


@pytest.mark.parametrize(
    ("invited_by", "stage"), [(None, Stage.ACTIVE), ("msft", Stage.ON_HOLD), ("us", Stage.ACTIVE), ("", Stage.ACTIVE)]
)
def test_new_is_an_invitation_only_when_another_organization_sent_it(invited_by: str | None, stage: Stage) -> None:
    body = {
        "status": "New",
        "substatus": "Pending",
        "organizationId": "us",
        "inviteContext": {"invitedBy": {"organizationId": invited_by}},
    }
    assert stage_of(body) is stage


# --- creating --------------------------------------------------------------------------------------------------------


def test_a_default_fills_only_what_is_empty() -> None:
    assert MAPPING.created_in_partner_center({**GOLDEN, "notes": None})["notes"] == "Shared from the CRM."
    assert MAPPING.created_in_partner_center(GOLDEN)["notes"] == "Phase one scoping"


def test_fields_that_do_not_travel_on_create_stay_at_home() -> None:
    sent = MAPPING.created_in_partner_center(GOLDEN)
    assert "microsoft_crm_identifier" not in sent
    assert "status" not in sent


def test_an_inbound_create_is_cut_to_the_columns() -> None:
    received = MAPPING.created_in_crm({**GOLDEN, "notes": "x" * 3000, "deal_value": Decimal("1.005")})
    assert received["notes"] == "x" * 2000
    assert received["deal_value"] == Decimal(1)


# --- the check mark --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [5, 298, 299, 300, 301, 400])
def test_with_the_check_mark_a_name_still_reads_back_as_it_was_written(tmp_path: Path, length: int) -> None:
    mapping = load(tmp_path, edited("check_mark_in_name: false", "check_mark_in_name: true"))
    fields = mapping.created_in_crm({**GOLDEN, "name": "n" * length})
    columns = mapping.record_values(fields)
    assert str(columns["name"]).startswith("\u2714 ")
    assert len(str(columns["name"])) <= 300
    assert mapping.rows["name"].read_record(columns) == fields["name"]


def test_the_check_mark_is_no_name_by_itself(tmp_path: Path) -> None:
    mapping = load(tmp_path, edited("check_mark_in_name: false", "check_mark_in_name: true"))
    assert mapping.record_values({"name": None})["name"] is None
    assert mapping.record_values({"notes": "x"}) == {"description": "x"}


# --- the file --------------------------------------------------------------------------------------------------------


def test_the_built_in_file_has_every_standard_field() -> None:
    assert set(STANDARD_FIELDS) <= MAPPING.field_names
    assert STATUS in MAPPING.field_names


def test_a_file_in_mapping_dir_replaces_the_built_in_one(tmp_path: Path) -> None:
    mapping = load(tmp_path, edited("column: estimatedvalue", "column: new_amount"))
    assert mapping.rows["deal_value"].pair.column == "new_amount"
    assert "new_amount" in mapping.record_columns
    assert load_mapping("dynamics365").rows["deal_value"].pair.column == "estimatedvalue"


def test_a_mapping_dir_without_the_file_leaves_the_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "salesforce.yaml").write_text("not: this one", encoding="utf-8")
    assert load_mapping("dynamics365", tmp_path).version == MAPPING.version


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
            "    to_partner_center: [create] # Partner",
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
        ("    codec: choice\n", "    codec: text\n", "fields.help", "values"),
        ("    codec: money\n", "    codec: choice\n", "fields.deal_value", "values"),
        ("      6: GeneralOrOther", "      6: QuotesOrLicensing", "fields.help", "twice"),
        ("  - field: deal_value", "  - field: currency", "the file", "more than one row for the field currency"),
        ("column: estimatedvalue", "column: description", "the file", "more than one row for the column description"),
        ("  - field: deal_value", "  - field: worth", "the file", "lacks deal_value"),
        ("  - field: referral_program", "  - field: status", "the file", "table of its own"),
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
    text = edited("    codec: money\n", "    codec: cash\n").replace("limit: 300", "limit: many")
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
        ("    codec: date\n", "    codec: date\n    limit: 10\n", "limit"),
        ("    codec: money\n    digits: 2\n", "    codec: money\n    limit: 7\n", "limit"),
        ("    column: transactioncurrencyid", "    empty: [XXX]\n    column: transactioncurrencyid", "empty"),
        ("    codec: date\n", "    codec: date\n    never_unset: true\n", "never_unset"),
    ],
)
def test_an_option_that_the_codec_would_ignore_is_a_mistake(tmp_path: Path, old: str, new: str, option: str) -> None:
    assert option in refusal(tmp_path, edited(old, new))


def test_a_default_that_the_codec_cannot_write_is_a_mistake(tmp_path: Path) -> None:
    assert "default" in refusal(tmp_path, edited("    digits: 2\n", "    digits: 2\n    default: plenty\n"))


# --- paths -----------------------------------------------------------------------------------------------------------


def test_paths_are_followed_through_objects_only() -> None:
    assert get_path({"a": {"b": 1}}, ("a", "b")) == 1
    assert get_path({"a": None}, ("a", "b")) is None
    assert get_path({"a": [1]}, ("a", "b")) is None
    assert get_path(None, ("a",)) is None


def test_paths_are_made_on_the_way() -> None:
    body: dict[str, object] = {"a": {"x": 1}}
    put_path(body, ("a", "b", "c"), 2)
    assert body == {"a": {"x": 1, "b": {"c": 2}}}
    with pytest.raises(TypeError):
        put_path(body, ("a", "x", "y"), 3)

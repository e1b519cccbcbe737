"""Lint: every message once, with its line, its field and the name that was meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from shared.errors import MappingError
from shared.ledger import audit
from shared.mapping.check.findings import Finding
from shared.mapping.check.lint import lint
from shared.mapping.check.needs import _KINDS, record_needs
from shared.mapping.check.referral_shape import HOLDS, PATCHABLE, REFERRAL, leaves
from shared.mapping.check.tables import Column, Description, Key, Kind, Option, Table
from shared.mapping.loading import BUILT_IN, load_mapping, positions
from shared.mapping.model import CodecName
from shared.status import LONGEST
from shared.sync.perform.identity import REFERRAL_LINK
from tests.support.fakes import crm_tables

FILE = "dynamics365.yaml"
DEFAULT = (BUILT_IN / FILE).read_text(encoding="utf-8")

Check = Callable[..., list[Finding]]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Lint the default file after replacing pieces of text, each of which must be there."""

    def run(*edits: tuple[str, str], live: Description | None = None) -> list[Finding]:
        text = DEFAULT
        for old, new in edits:
            assert old in text, f"{old!r} is not in the default file"
            text = text.replace(old, new, 1)
        (tmp_path / FILE).write_text(text, encoding="utf-8")
        return lint(load_mapping("dynamics365", tmp_path).file, positions("dynamics365", tmp_path), live)

    return run


def line_of(text: str) -> int:
    """The line of the default file that holds a text."""
    return next(number for number, line in enumerate(DEFAULT.splitlines(), 1) if text in line)


def live(record: Table | None = None, **columns: Column | None) -> Description:
    """The provisioned tables, with columns of the opportunity replaced, or left out when None."""
    description = crm_tables.description()
    table = record or description.record
    merged = {**table.columns, **columns}
    kept = {name: column for name, column in merged.items() if column is not None}
    return replace(description, record=replace(table, columns=kept))


def account(**columns: Column) -> Description:
    """The provisioned tables, with columns more of the account."""
    description = crm_tables.description()
    table = description.account
    return replace(description, account=replace(table, columns={**table.columns, **columns}))


def changed(name: str, **facts: object) -> Description:
    """The provisioned tables with one column of the opportunity changed."""
    return live(**{name: replace(crm_tables.record().columns[name], **facts)})  # type: ignore[arg-type]


def test_the_default_file_has_nothing_to_say(check: Check) -> None:
    assert check(("version", "version"), live=crm_tables.description()) == []


def test_a_finding_names_file_line_field_and_what_was_meant(check: Check) -> None:
    (found,) = check(("referral: details.dealValue", "referral: details.dealvalu"))
    line = line_of("referral: details.dealValue")
    assert str(found).startswith(f"{FILE}, line {line}: error: deal_value: a referral has no details.dealvalu.")
    assert str(found).endswith("Did you mean details.dealValue?")


def test_findings_come_in_the_order_of_the_file(check: Check) -> None:
    found = check(("customerProfile.name", "customerProfile.nam"), ("details.notes", "details.note"))
    assert [each.field for each in found if "has no" in each.what] == ["notes", "account.customer_name"]


NOTES = "referral: details.notes"
PROGRAM = "referral: referralProgram\n    column: cosell_referralprogram\n    codec: text\n    limit: 100\n"
READ_ONLY = "    to_crm: [create, update]\n    to_partner_center: []"


def sent(path: str, *moments: str) -> tuple[str, str]:
    """Let the row of the referral program stand for another path that is sent to Partner Center."""
    direction = READ_ONLY.replace("[]", f"[{', '.join(moments)}]")
    return PROGRAM + READ_ONLY, PROGRAM.replace("referralProgram", path, 1) + direction


OFFLINE = [
    # (edit, field, words of the message, nearest name)
    ((NOTES, "referral: detail.notes"), "notes", "a referral has no detail.notes", "details.notes"),
    (
        ("fallback: customerProfile.address.region", "fallback: customerProfile.address.regoin"),
        "account.state",
        "a referral has no customerProfile.address.regoin",
        "customerProfile.address.region",
    ),
    (
        ("{field: email, referral: email,", "{field: email, referral: mail,"),
        "contact.email",
        "a referral has no mail",
        "email",
    ),
    (
        ("  qualification: SalesQualified", "  qualifcation: SalesQualified"),
        "new_referral",
        "a referral has no qualifcation",
        "qualification",
    ),
    (
        ("codec: date", "codec: money"),
        "closing_date",
        "details.closingDateTime holds a timestamp, which codec money does not read",
        "",
    ),
    *(
        (
            (PROGRAM, PROGRAM.replace("referralProgram", path).replace("codec: text", f"codec: {codec}")),
            "referral_program",
            f"{path} holds {what}, which codec {codec} does not read",
            "",
        )
        for path, codec, what in (
            ("registrations", "ids", "a list of objects"),
            ("registrations", "solutions", "a list of objects"),
            ("customerProfile.team", "ids", "a list of people"),
            ("details.requirements.industries", "ids", "a list of objects that have an id"),
            ("tags", "solutions", "a list of texts"),
            ("tags", "people", "a list of texts"),
        )
    ),
    (
        sent("trackingInfo.microsoftMsxId", "create"),
        "referral_program",
        "Partner Center sets trackingInfo.microsoftMsxId by itself",
        "",
    ),
    (
        sent("campaignId.x", "update"),
        "referral_program",
        "a referral has no campaignId.x",
        "campaignId",
    ),
    (
        sent("inviteContext.notes", "create", "update"),
        "referral_program",
        "Partner Center takes no update of inviteContext.notes, only a value at create",
        "",
    ),
    (sent("externalReferenceId", "update"), "referral_program", "externalReferenceId is written by the app", ""),
    (sent("status", "update"), "referral_program", "status is written by the status table", ""),
    (
        sent("details.notes", "update"),
        "referral_program",
        "details.notes is also written by notes at update: two writers, one target",
        "",
    ),
    (
        ("to_partner_center: [create] # Partner Center documents", "to_partner_center: [create, update] #"),
        "name",
        "does not document updates of name",
        "",
    ),
    (
        ("      2: CustomerTechnicalArchitecture", "      2: CustomerTechnicalArchitectur"),
        "help",
        "Partner Center has no code CustomerTechnicalArchitectur",
        "CustomerTechnicalArchitecture",
    ),
    (
        ("    empty: [Unknown]", "    empty: [Unknown, GeneralOrOther]"),
        "help",
        "the code GeneralOrOther means an option and, by `empty`, no option at all",
        "",
    ),
    (
        ("  consent.consentToContact: true", "  details.notes: Hello"),
        "new_referral",
        "details.notes is also written by notes: two writers, one target",
        "",
    ),
    (
        ("column: cosell_products", "column: cosell_audit"),
        "solutions",
        "the column cosell_audit also belongs to columns.audit: two writers, one target",
        "",
    ),
    (
        ("column: cosell_products", "column: statuscode"),
        "solutions",
        "the column statuscode also belongs to status: two writers, one target",
        "",
    ),
    (
        ("column: address1_line2", "column: address1_line1"),
        "account.address_line_2",
        "the column address1_line1 has another row: two writers, one target",
        "",
    ),
    (
        ("customerProfile.address.addressLine2", "customerProfile.address.addressLine1"),
        "account.address_line_2",
        "customerProfile.address.addressLine1 has another row: two writers, one target",
        "",
    ),
    (
        ("on_hold: [{statecode: 0, statuscode: 2}]", "on_hold: [{statecode: 0, statuscode: 1}]"),
        "status.active",
        "what is written for active reads back as on_hold",
        "",
    ),
]


@pytest.mark.parametrize(("edit", "field", "what", "nearest"), OFFLINE)
def test_offline(check: Check, edit: tuple[str, str], field: str, what: str, nearest: str) -> None:
    (found,) = check(edit)
    assert (found.field, found.nearest) == (field, nearest)
    assert what in found.what


@pytest.mark.parametrize(
    ("twice", "said"),
    [("      5: GeneralOrOther", "given twice"), ("      6: QuotesOrLicensing", "say under `written`")],
)
def test_a_table_of_values_that_leaves_open_what_is_written_is_not_even_loaded(
    check: Check, twice: str, said: str
) -> None:
    with pytest.raises(MappingError, match=said):
        check(("      6: GeneralOrOther", twice))


def test_an_overlay_is_checked_with_its_own_lines(tmp_path: Path) -> None:
    text = "overlay: true\nversion: ours\nfields:\n  - {field: notes, referral: details.note}\n"
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    (found,) = lint(load_mapping("dynamics365", tmp_path).file, positions("dynamics365", tmp_path))
    assert (found.file, found.line, found.nearest) == (FILE, 4, "details.notes")


def test_what_an_overlay_spoils_elsewhere_is_found_where_it_is_written(tmp_path: Path) -> None:
    text = "overlay: true\nversion: ours\ncolumns:\n  audit: cosell_products\n"
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    (found,) = lint(load_mapping("dynamics365", tmp_path).file, positions("dynamics365", tmp_path))
    assert (found.field, found.file) == ("solutions", f"built-in {FILE}")
    assert "also belongs to columns.audit" in found.what


def test_only_the_undocumented_update_of_the_name_is_a_warning(check: Check) -> None:
    (found,) = check(("to_partner_center: [create] # Partner", "to_partner_center: [create, update] #"))
    assert found.severity == "warning"


LIVE = [
    (live(description=None), "notes", "the table opportunity has no column description"),
    (live(cosell_audit=None), "columns.audit", "has no column cosell_audit"),
    (changed("cosell_products", kind=Kind.YES_NO, length=None), "solutions", "is Yes/No, but it must be Text or"),
    (changed("estimatedclosedate", kind=Kind.MOMENT), "closing_date", "is Date and time, but it must be Date only"),
    (changed("description", length=500), "notes", "writes up to 2000 characters, but the column description holds 500"),
    (changed("cosell_syncstatus", length=50), "columns.status", "writes up to 100 characters, but the column"),
    (changed("estimatedvalue", digits=0), "deal_value", "keeps 2 digits, but the column estimatedvalue has only 0"),
    (
        changed("transactioncurrencyid", coded=False),
        "currency",
        "looks up transactioncurrency by its id, not by a code; use a text column with the code",
    ),
    (changed("name", updatable=False), "name", "does not let the column name be written at update"),
    (changed("cosell_audit", creatable=False), "columns.audit", "be written at create"),
    (live(stepname=Column("stepname", Kind.TEXT, 200, required=True)), "fields", "demands stepname (Text 200) of"),
    (
        account(dunsnumber=Column("dunsnumber", Kind.TEXT, 9, required=True)),
        "account",
        "demands dunsnumber (Text 9) of",
    ),
    (live(replace(crm_tables.record(), keys=())), "columns.referral_identifier", "has no alternate key on"),
    (
        live(replace(crm_tables.record(), keys=(Key(("cosell_referralidentifier",), "Failed", active=False),))),
        "columns.referral_identifier",
        "the alternate key on cosell_referralidentifier is Failed, not active",
    ),
    (live(replace(crm_tables.record(), change_tracking=False)), "table", "change tracking is off for opportunity"),
]


@pytest.mark.parametrize(("tables", "field", "what"), LIVE)
def test_live(check: Check, tables: Description, field: str, what: str) -> None:
    (found,) = check(("version", "version"), live=tables)
    assert found.field == field
    assert what in found.what
    assert found.line > 1


@pytest.mark.parametrize(("values", "wrong"), [(("DE", "GB"), []), ((1, 2), ["account.country"])])
def test_a_text_may_be_kept_in_a_choice_of_words(check: Check, values: tuple[str | int, ...], wrong: list[str]) -> None:
    description = crm_tables.description()
    options = tuple(Option(value, str(value)) for value in values)
    choice = Column("address1_country", Kind.CHOICE, options=options)
    columns = {**description.account.columns, choice.name: choice}
    tables = replace(description, account=replace(description.account, columns=columns))
    assert [each.field for each in check(("version", "version"), live=tables)] == wrong


def test_a_look_up_that_the_client_cannot_follow_is_named_with_one_that_it_can(check: Check) -> None:
    own = Column("new_currencyid", Kind.LOOKUP, targets=("transactioncurrency",))
    (found,) = check(("column: transactioncurrencyid", "column: new_currencyid"), live=live(new_currencyid=own))
    assert found.field == "currency"
    assert found.what.endswith("use transactioncurrencyid or a text column with the code")


def test_a_missing_column_with_the_name_that_was_meant(check: Check) -> None:
    (found,) = check(("column: estimatedvalue", "column: estimatedvalu"), live=crm_tables.description())
    assert (found.nearest, found.line) == ("estimatedvalue", line_of("column: estimatedvalue"))


def test_the_other_tables_are_checked_too(check: Check) -> None:
    edits = [("address1_city", "address1_town"), ("column: telephone1", "column: telephon")]
    found = check(*edits, ("fallback_column: address1_telephone1", "fallback_column: phon"), live=live())
    assert [(each.field, each.nearest) for each in found] == [
        ("account.city", "address1_city"),
        ("contact.phone", "telephone1"),
        ("owner.phone", ""),
    ]


def test_conditions_name_what_there_is(tmp_path: Path) -> None:
    when = "sync_when:\n  record: estimatedvalu > `0`\n  referral: contains(nam, 'Co')\n"
    (tmp_path / FILE).write_text(f"overlay: true\nversion: ours\n{when}", encoding="utf-8")
    found = lint(load_mapping("dynamics365", tmp_path).file, positions("dynamics365", tmp_path), live())
    assert [(each.field, each.nearest) for each in found] == [
        ("sync_when.record", "estimatedvalue"),
        ("sync_when.referral", "name"),
    ]


def test_a_country_that_is_written_as_a_name_needs_more_room(check: Check) -> None:
    country = crm_tables.description().account.columns["address1_country"]
    description = crm_tables.description()
    columns = {**description.account.columns, country.name: replace(country, length=20)}
    narrow = replace(description, account=replace(description.account, columns=columns))
    assert check(("codec: country", "codec: country"), live=narrow) == []
    (found,) = check(("codec: country", "codec: country, as: name"), live=narrow)
    assert found.field == "account.country"


def test_options(check: Check) -> None:
    options = crm_tables.record().columns["cosell_howcanmicrosofthelp"].options
    fewer, more = options[:-1], (*options, Option(7, "Something new"))
    (found,) = check(("version", "version"), live=changed("cosell_howcanmicrosofthelp", options=fewer))
    assert "cosell_howcanmicrosofthelp has no option 6; it has 1 Workload" in found.what
    (found,) = check(("version", "version"), live=changed("cosell_howcanmicrosofthelp", options=more))
    assert (found.severity, found.field) == ("warning", "help")
    assert "option 7 (Something new)" in found.what


def test_a_text_without_a_limit_is_a_warning(check: Check) -> None:
    (found,) = check(("codec: text\n    limit: 2000", "codec: text"), live=changed("description", kind=Kind.TEXT))
    assert (found.severity, found.field) == ("warning", "notes")
    assert "has no limit, so a text over the column's 2000 characters is refused" in found.what


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("{statecode: 1, statuscode: 4}", "statuscode 4 (Canceled) belongs to statecode 2, not to 1"),
        ("{statecode: 1, statuscode: 9}", "statuscode has no option 9; it has 1 In Progress, 2 On Hold, 3 Won"),
        ("{statecode: 7, statuscode: 3}", "statecode has no option 7; it has 0 Open, 1 Won, 2 Lost"),
        ("{statecode: 1}", "the first entry is written, so it must name statuscode"),
        ("{statecode: 1, statuscode: 3, stage: 1}", "the table opportunity has no column stage"),
    ],
)
def test_the_status_table(check: Check, entry: str, what: str) -> None:
    found = check(("won: [{statecode: 1, statuscode: 3}", f"won: [{entry}"), live=live())
    assert {(each.field, each.line) for each in found} == {("status.won", line_of("  won: ["))}
    assert what in found[0].what


def test_every_codec_is_known() -> None:
    codecs = set(get_args(CodecName))
    assert set(HOLDS) == codecs
    assert set(_KINDS) | {"choice"} == codecs


def test_the_tree_knows_every_path_that_may_be_patched() -> None:
    assert set(dict(leaves(REFERRAL))) >= PATCHABLE


def test_the_product_columns_are_as_long_as_what_the_sync_writes() -> None:
    needs = {need.field: need for need in record_needs(load_mapping("dynamics365").file)}

    def at_least(field: str, length: int) -> bool:
        need = needs[f"columns.{field}"]
        return length <= (need.length or 0) <= (need.size or 0)

    assert at_least("status", LONGEST)
    assert at_least("audit", audit.CHARACTERS + audit.LINES)
    assert at_least("referral_link", len(REFERRAL_LINK.format("0f6f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11")))

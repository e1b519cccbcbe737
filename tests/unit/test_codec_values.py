"""Each codec by its table: what is read, what is written, what breaks its rule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.resources import files

import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.deal import show
from shared.mapping import codecs
from shared.mapping.codecs import Codec, Json
from shared.mapping.codecs.scalars import rounded
from shared.mapping.codes import country_code, folded
from tests.support.stand_ins import UNHURRIED
from tools.country_names import lines

HELP: Mapping[str | int | bool, str] = {
    1: "WorkloadSpecificValueProposition",
    2: "CustomerTechnicalArchitecture",
    6: "GeneralOrOther",
}


# --- text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("referral", "record"),
    [
        ("Contoso &amp; Sons", "Contoso & Sons"),
        ("a &lt; b &#39;c&#39;", "a < b 'c'"),
        ("trailing blanks  ", "trailing blanks"),
        ("two\nlines", "two\r\nlines"),
        ("", None),
        (None, ""),
        ("   ", None),
        ("R&amp;D", "R&amp;D"),
    ],
)
def test_spelling_of_text_is_no_difference(referral: Json, record: Json) -> None:
    codec = codecs.text(escaped=True)
    assert codec.from_referral(referral) == codec.from_record(record)


@pytest.mark.parametrize("notes", ["R&amp;D", "&lt;b&gt; & more", "&#39;"])
def test_text_that_partner_center_does_not_escape_travels_as_it_was_typed(notes: str) -> None:
    assert codecs.text().from_referral(notes) == codecs.text().from_record(notes) == notes


@pytest.mark.parametrize("text", ["https://example.org/?a=1&region=2", "x=1&copy=2&para=3", "AT&T", "Q&A &notes"])
def test_an_ampersand_is_not_an_entity_unless_it_ends_in_a_semicolon(text: str) -> None:
    assert codecs.text().from_referral(text) == text


def test_text_is_cut_to_the_column_without_a_blank_at_the_end() -> None:
    codec = codecs.text(5)
    assert codec.fit("abcdefg") == "abcde"
    assert codec.fit("abcd efg") == "abcd"
    assert codec.fit("abc") == "abc"
    assert codec.fit(None) is None


def test_text_is_counted_and_cut_in_the_units_of_the_crm() -> None:
    codec = codecs.text(4)
    assert codec.fit("né\U0001f600x") == "né\U0001f600", "an emoji is two of them"
    assert codec.fit("néx\U0001f600") == "néx", "and is not cut in two"


def test_cleared_text_is_written_as_each_side_clears_it() -> None:
    codec = codecs.text()
    assert codec.to_referral(None, "old") == ""
    assert codec.to_record(None) is None


@pytest.mark.parametrize(
    "written",
    [
        "\u2714 Deal",
        "\u2714\ufe0f Deal",
        "\u2713Deal",
        "\u2716 Deal",
        "\u23f3 Deal",
        "  \u2714  Deal ",
        "\u2714 \u2714 Deal",
        "\u2714 \u2716 Deal",
        "\u2713\u2717\u2718 Deal",
    ],
)
def test_marks_in_front_of_a_name_are_no_part_of_it(written: str) -> None:
    codec = codecs.text(strip_mark=True)
    assert codec.from_record(written) == "Deal"
    assert codec.from_referral(written) == "Deal"


def test_a_mark_is_written_before_a_name_and_takes_its_room_where_the_column_has_an_end() -> None:
    assert codecs.text(mark=True).to_record("Contoso") == "\u2714 Contoso"
    assert codecs.text(mark=True).fit("Contoso") == "Contoso"
    assert codecs.text(9, mark=True).fit("Contoso & Sons") == "Contoso"


def test_marks_are_text_everywhere_else() -> None:
    assert codecs.text().from_record("\u2714 done") == "\u2714 done"
    assert codecs.text(strip_mark=True).from_record("Deal \u2714") == "Deal \u2714"


@pytest.mark.parametrize("wire", [5, True, ["x"], {"x": 1}])
def test_text_of_another_type_is_refused(wire: Json) -> None:
    with pytest.raises(ValueError, match="is not text"):
        codecs.text().from_referral(wire)


# --- money -----------------------------------------------------------------------------------------------------------


def test_amounts_are_compared_as_numbers() -> None:
    codec = codecs.money()
    spellings: list[Json] = [1000, 1000.0, "1000", "1000.0000", " 1000.00 ", Decimal("1E+3")]
    assert {codec.from_referral(wire) for wire in spellings} == {Decimal(1000)}
    assert {show(codec.from_referral(wire)) for wire in spellings} == {"1000"}


def test_amounts_are_written_as_json_numbers() -> None:
    codec = codecs.money()
    assert codec.to_referral(Decimal(42000), None) == 42000
    assert isinstance(codec.to_referral(Decimal(42000), None), int)
    assert codec.to_record(Decimal("10.5")) == 10.5
    assert codec.to_record(None) is None
    assert codec.to_record(Decimal(0)) == 0


@pytest.mark.parametrize(
    ("digits", "value", "kept"),
    [(2, "10.005", "10"), (2, "10.015", "10.02"), (0, "10.5", "10"), (4, "1.00005", "1"), (2, "10.1", "10.1")],
)
def test_amounts_are_rounded_half_even_to_the_column(digits: int, value: str, kept: str) -> None:
    assert codecs.money(digits).fit(Decimal(value)) == Decimal(kept)


def test_an_amount_keeps_two_digits_unless_the_mapping_says_otherwise() -> None:
    assert codecs.money().fit(Decimal("10.126")) == Decimal("10.13")


def test_what_is_no_amount_is_not_rounded() -> None:
    assert rounded("many", 0, Decimal(1)) == "many"
    assert rounded(None, 0, Decimal(1)) is None


def test_zero_is_a_value_and_not_absent() -> None:
    codec = codecs.money()
    assert codec.from_referral(0) == Decimal(0)
    assert codec.from_referral(None) is None
    assert codec.from_referral("") is None


@pytest.mark.parametrize("wire", ["many", True, [], "NaN", float("inf"), float("nan"), "1,5"])
def test_what_is_no_amount_is_refused(wire: Json) -> None:
    with pytest.raises(ValueError, match=r"not a number|not below 10\^15"):
        codecs.money().from_record(wire)


def test_the_largest_amount_is_the_last_one_that_a_number_holds_exactly() -> None:
    codec = codecs.money()
    for sign in (1, -1):
        assert codec.from_record(sign * (10**15 - 1)) == Decimal(sign * (10**15 - 1))
        with pytest.raises(ValueError, match=r"not below 10\^15"):
            codec.from_record(sign * 10**15)


# --- dates -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "day"),
    [
        ("2026-03-31T00:00:00Z", date(2026, 3, 31)),
        ("2026-03-31", date(2026, 3, 31)),
        ("2026-03-31T23:59:59.1234567Z", date(2026, 3, 31)),
        ("2026-03-31T23:59:59.1Z", date(2026, 3, 31)),
        ("2026-03-31T23:30:00-02:00", date(2026, 4, 1)),
        ("2026-04-01T00:30:00+02:00", date(2026, 3, 31)),
        ("2026-03-31T10:00:00", date(2026, 3, 31)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("0002-06-01T00:30:00+01:00", date(2, 5, 31)),
        ("", None),
        (None, None),
    ],
)
def test_a_timestamp_is_its_utc_day(wire: Json, day: date | None) -> None:
    assert codecs.day().from_referral(wire) == day


@UNHURRIED
@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.times(), st.integers(0, 7))
def test_the_time_of_the_same_day_is_kept(day: date, clock_time: time, digits: int) -> None:
    source = f"{day.isoformat()}T{clock_time:%H:%M:%S}.{'1' * digits}Z" if digits else f"{day}T{clock_time:%H:%M:%S}Z"
    codec = codecs.day()
    assert codec.to_referral(day, source) == source
    other = day + timedelta(days=1)
    assert codec.to_referral(other, source) == f"{other.isoformat()}T00:00:00Z"


def test_dates_are_written_as_each_side_takes_them() -> None:
    codec = codecs.day()
    assert codec.to_referral(date(2026, 3, 31), None) == "2026-03-31T00:00:00Z"
    assert codec.to_record(date(2026, 3, 31)) == "2026-03-31"
    assert codec.to_referral(None, "2026-03-31T00:00:00Z") is None
    assert codec.to_record(None) is None


@pytest.mark.parametrize("wire", ["31.03.2026", "soon", 5, True, "2026-02-30"])
def test_what_is_no_date_is_refused(wire: Json) -> None:
    with pytest.raises(ValueError, match="date"):
        codecs.day().from_record(wire)


# --- codes -----------------------------------------------------------------------------------------------------------


def test_the_list_of_countries_is_what_its_tool_makes() -> None:
    assert (files("shared.mapping") / "countries.txt").read_text(encoding="utf-8").splitlines() == list(lines())


def test_every_english_name_finds_its_own_country() -> None:
    for each in pycountry.countries:
        names = [each.alpha_2, each.alpha_3, each.name]
        names += [str(getattr(each, name)) for name in ("common_name", "official_name") if hasattr(each, name)]
        for name in names:
            assert country_code(name) == each.alpha_2
            assert country_code(f" {name.upper()} ") == each.alpha_2


def test_what_a_problem_quotes_is_bounded() -> None:
    with pytest.raises(ValueError, match="ISO 3166") as caught:
        codecs.country().from_record("x" * 5000)
    assert len(str(caught.value)) < 200


def test_no_two_countries_share_a_name() -> None:
    owners: dict[str, set[str]] = {}
    for line in lines():
        alpha_2, alpha_3, names = line.split(" ", 2)
        for name in (alpha_2, alpha_3, *names.split("|")):
            owners.setdefault(folded(name), set()).add(alpha_2)
    assert {name: codes for name, codes in owners.items() if len(codes) > 1} == {}


@pytest.mark.parametrize("code", ["EUR", "eur", " usd ", "BGN", "HRK", "ANG", "SLL", "ZWL", "XXY"])
def test_every_well_formed_currency_passes(code: str) -> None:
    assert codecs.currency().from_referral(code) == code.strip().upper()


@pytest.mark.parametrize("code", ["XK", "xk", "ZZ", "AN", " de "])
@pytest.mark.parametrize("codec", [codecs.country(), codecs.country(as_name=True)])
def test_every_well_formed_country_passes_and_is_never_written_as_nothing(codec: Codec, code: str) -> None:
    known = codec.from_referral(code)
    assert known == code.strip().upper()
    assert codec.to_record(known)
    assert codec.from_record(codec.to_record(known)) == known


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("United States of America", "US"),
        ("UK", "GB"),
        ("Great Britain", "GB"),
        ("Ivory Coast", "CI"),
        ("Russia", "RU"),
        ("Cote d'Ivoire", "CI"),
        ("C\u00f4te d\u2019Ivoire", "CI"),
        ("Curacao", "CW"),
        ("Kosovo", "XK"),
        ("XKX", "XK"),
        ("The Netherlands", "NL"),
        ("Bosnia & Herzegovina", "BA"),
        ("Trinidad and Tobago", "TT"),
        ("St. Kitts & Nevis", "KN"),
        ("Saint Lucia", "LC"),
        ("Republic of Korea", "KR"),
        ("Korea, South", "KR"),
        ("The Bahamas", "BS"),
        ("Gambia, The", "GM"),
        ("Reunion", "RE"),
        ("Aland Islands", "AX"),
        ("Sao Tome and Principe", "ST"),
        ("TURKIYE", "TR"),
        ("Turkey", "TR"),
        ("Czech Republic", "CZ"),
        ("Viet Nam", "VN"),
        ("Timor Leste", "TL"),
        ("Guinea Bissau", "GW"),
        ("Hong Kong SAR China", "HK"),
        ("Palestine", "PS"),
        ("Macedonia", "MK"),
        ("Swaziland", "SZ"),
        ("Cape Verde", "CV"),
        ("Micronesia", "FM"),
        ("Brunei", "BN"),
        ("U.S.A", "US"),
        ("u.k.", "GB"),
        ("EL", "GR"),
    ],
)
def test_everyday_country_names_are_known(name: str, code: str) -> None:
    assert codecs.country().from_record(name) == code


def test_a_country_is_written_as_its_code_on_both_sides() -> None:
    codec = codecs.country()
    assert codec.to_record(codec.from_record("Germany")) == "DE"
    assert codec.to_referral(codec.from_record("deu"), None) == "DE"


@pytest.mark.parametrize(
    ("codec", "wire", "rule"),
    [
        (codecs.currency(), "EURO", "ISO 4217"),
        (codecs.currency(), "E1R", "ISO 4217"),
        (codecs.currency(), "ÉUR", "ISO 4217"),
        (codecs.country(), "1Z", "ISO 3166"),
        (codecs.country(), "ABC", "ISO 3166"),
        (codecs.country(), "Narnia", "ISO 3166"),
        (codecs.choice(HELP), "Coffee", "WorkloadSpecificValueProposition"),
    ],
)
def test_an_unknown_code_is_refused_with_the_rule(codec: Codec, wire: Json, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        codec.from_referral(wire)


def test_an_unknown_option_is_refused_with_the_options() -> None:
    with pytest.raises(ValueError, match="1, 2, 6"):
        codecs.choice(HELP).from_record(7)


def test_a_choice_is_translated_both_ways() -> None:
    codec = codecs.choice(HELP, ("Unknown", "None"))
    for option, code in HELP.items():
        assert codec.from_record(option) == codec.from_referral(code) == code
        assert codec.to_record(code) == option
        assert codec.to_referral(code, None) == code
    assert codec.from_referral("Unknown") is codec.from_referral("None") is codec.from_referral(None) is None
    assert codec.to_record(None) is None
    assert codec.to_referral(None, None) == "Unknown"


def test_a_code_without_an_option_stays_what_it_is_unless_another_stands_for_it() -> None:
    assert codecs.choice(HELP).fit("TrainingOrEnablement") == "TrainingOrEnablement"
    assert codecs.choice(HELP).fit(None) is None


def test_yes_no_is_strict_and_absent_is_no() -> None:
    codec = codecs.yes_no()
    assert codec.from_referral(None) is codec.from_record(None) is False
    assert codec.from_record(True) is codec.to_record(True) is codec.to_referral(True, None) is True
    for wire in ("true", 1, 0, "yes"):
        with pytest.raises(ValueError, match="neither yes nor no"):
            codec.from_record(wire)


def test_the_day_of_a_moment_is_in_utc_whatever_the_machine() -> None:
    moment = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
    assert codecs.day().from_record(moment.isoformat()) == date(2026, 3, 31)


def test_half_of_an_emoji_is_text_that_can_still_be_stored() -> None:
    # Programs that cut texts by UTF-16 units leave such halves behind, and JSON carries them.
    for read in (codecs.text().from_referral, codecs.text().from_record):
        assert str(read("cut here \ud83d")).encode().startswith(b"cut here")


@pytest.mark.parametrize(
    ("held", "expected"), [("1.2", "1.2"), ("1.3", "1.3"), ("1.4", "1.2"), ("1.25", "1.2"), (None, "1.2")]
)
def test_what_lies_halfway_may_have_been_rounded_either_way(held: str | None, expected: str) -> None:
    there = Decimal(held) if held else None
    assert rounded(Decimal("1.25"), 1, there) == Decimal(expected)

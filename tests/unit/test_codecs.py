"""Codecs are lenses: what is written is read back, and what is read is written back unchanged."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from importlib.resources import files

import pycountry
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.deal import Value, dump_fields, load_fields, show
from shared.mapping import codecs
from shared.mapping.codecs import Codec, Json
from shared.mapping.codes import country_code, folded
from shared.mapping.people import people
from tests.support.stand_ins import UNHURRIED
from tools.country_names import lines

HELP: Mapping[str | int | bool, str] = {
    1: "WorkloadSpecificValueProposition",
    2: "CustomerTechnicalArchitecture",
    6: "GeneralOrOther",
}

CODECS: Mapping[str, Codec] = {
    "text": codecs.text(),
    "cut text": codecs.text(10),
    "name": codecs.text(10, strip_mark=True),
    "money": codecs.money(),
    "currency": codecs.currency(),
    "date": codecs.day(),
    "yes_no": codecs.yes_no(),
    "choice": codecs.choice(HELP, ("Unknown",)),
    "country": codecs.country(),
    "solutions": codecs.solutions(30),
    "ids": codecs.ids(30, ";"),
    "link": codecs.link(60),
    "country name": codecs.country(as_name=True),
    "people": people(80),
}

MARKS = ("\u2714", "\u2714\ufe0f", "\u23f3")
PIECES = ("&", "amp;", "&lt;", "&copy", ";", *MARKS, " ", "\u00a0", "\r\n", "\n", "a", "\U0001f600")
PROSE = st.lists(st.one_of(st.sampled_from(PIECES), st.characters(exclude_categories=["Cs"])), max_size=12).map("".join)
AMOUNTS = st.one_of(
    st.integers(0, 10**12),
    st.decimals(0, 10**9, places=4).map(float),
    st.decimals(0, 10**9, places=2).map(str),
)
MOMENTS = st.builds(
    lambda moment, offset: moment.replace(tzinfo=timezone(timedelta(minutes=offset))).isoformat(),
    st.datetimes(datetime(2000, 1, 2), datetime(2100, 1, 1)),  # noqa: DTZ001 - the offset comes next
    st.integers(-14 * 60, 14 * 60),
)
SOLUTION = st.fixed_dictionaries(
    {"id": st.from_regex(r"SOL-[0-9]{3,5}-[A-Z]{3}", fullmatch=True)},
    optional={"name": st.text(max_size=5), "type": st.sampled_from(["Name", "None"]), "price": st.integers()},
)

PERSON = st.fixed_dictionaries(
    {"email": st.from_regex(r"[a-c]@example", fullmatch=True)},
    optional={
        **dict.fromkeys(
            ("firstName", "lastName"), st.one_of(st.none(), st.from_regex(r"[A-Z][a-z ,<]{0,6}", fullmatch=True))
        ),
        "phoneNumber": st.one_of(st.none(), st.from_regex(r"\+[0-9 ]{0,6}", fullmatch=True)),
        "title": st.just("Architect"),
    },
)

REFERRAL_WIRES: Mapping[str, st.SearchStrategy[Json]] = {
    "text": st.one_of(st.none(), PROSE),
    "cut text": st.one_of(st.none(), PROSE),
    "name": st.one_of(st.none(), PROSE),
    "money": st.one_of(st.none(), AMOUNTS),
    "currency": st.one_of(st.none(), st.just(""), st.sampled_from(["EUR", "usd", " gbp "])),
    "date": st.one_of(st.none(), MOMENTS),
    "yes_no": st.one_of(st.none(), st.booleans()),
    "choice": st.one_of(st.none(), st.sampled_from(["", "Unknown", *HELP.values()])),
    "country": st.one_of(st.none(), st.sampled_from(["GB", "de", "Germany", "USA", "United States", ""])),
    "solutions": st.one_of(st.none(), st.lists(SOLUTION, max_size=5)),
    "ids": st.one_of(st.none(), st.lists(st.from_regex(r"[A-Z]{1,3}-[0-9]", fullmatch=True), max_size=9)),
    "link": st.one_of(
        st.none(), st.just(""), st.from_regex(r"https://[a-z]{1,9}\.example/[a-z&;=?]{0,20}", fullmatch=True)
    ),
    "country name": st.one_of(st.none(), st.sampled_from(["GB", "de", "Germany", "USA", "United States", ""])),
    "people": st.one_of(st.none(), PERSON, st.lists(PERSON, max_size=4)),
}
RECORD_WIRES: Mapping[str, st.SearchStrategy[Json]] = {
    **REFERRAL_WIRES,
    "date": st.one_of(st.none(), st.dates().map(lambda day: day.isoformat())),
    "choice": st.one_of(st.none(), st.sampled_from([1, 2, 6, "1"])),
    "solutions": st.one_of(st.none(), st.text(alphabet="AB1-,; \n", max_size=20)),
    "ids": st.one_of(st.none(), st.text(alphabet="AB1-,; \n", max_size=20)),
    "people": st.one_of(
        st.none(),
        st.lists(
            st.from_regex(r"[A-Z][a-z ]{1,5}, [A-Z][a-z ]{0,5} ?<[a-z]@[a-z]{2}> ?[0-9+]{0,5} ?", fullmatch=True),
            max_size=4,
        ).map("\n".join),
    ),
}


LAW = settings(UNHURRIED, max_examples=40 * len(CODECS))
"""Enough examples for every codec to be drawn often."""


def each_codec(wires: Mapping[str, st.SearchStrategy[Json]]) -> st.SearchStrategy[tuple[str, Json]]:
    return st.sampled_from(sorted(wires)).flatmap(lambda name: st.tuples(st.just(name), wires[name]))


# --- lens laws -------------------------------------------------------------------------------------------------------


@LAW
@given(each_codec(REFERRAL_WIRES))
@example(("text", "R&amp;amp;D"))
@example(("name", "\u2714 \u2714 Deal"))
def test_what_partner_center_holds_reaches_the_crm_and_is_read_there_as_the_same(case: tuple[str, Json]) -> None:
    codec = CODECS[case[0]]
    fitted = codec.fit(codec.from_referral(case[1]))
    assert codec.from_record(codec.to_record(fitted)) == fitted


@LAW
@given(each_codec(RECORD_WIRES))
@example(("text", "R&amp;D"))
@example(("text", "a &lt; b"))
@example(("text", "https://example.org/?a=1&copy=2"))
@example(("name", "\u2714 \u2714 Deal"))
def test_what_the_crm_holds_reaches_partner_center_and_is_read_there_as_the_same(case: tuple[str, Json]) -> None:
    codec = CODECS[case[0]]
    value = codec.from_record(case[1])
    assert codec.from_referral(codec.to_referral(value, None)) == value


@LAW
@given(each_codec(REFERRAL_WIRES))
def test_writing_back_what_was_read_changes_nothing_in_partner_center(case: tuple[str, Json]) -> None:
    codec = CODECS[case[0]]
    value = codec.from_referral(case[1])
    assert codec.from_referral(codec.to_referral(value, case[1])) == value


@LAW
@given(each_codec(RECORD_WIRES))
def test_writing_back_what_was_read_changes_nothing_in_the_crm(case: tuple[str, Json]) -> None:
    codec = CODECS[case[0]]
    value = codec.from_record(case[1])
    assert codec.from_record(codec.to_record(value)) == value


@LAW
@given(each_codec(REFERRAL_WIRES))
def test_fitting_twice_is_fitting_once_and_never_invents(case: tuple[str, Json]) -> None:
    codec = CODECS[case[0]]
    value = codec.from_referral(case[1])
    assert codec.fit(codec.fit(value)) == codec.fit(value)
    if value is None:
        assert codec.fit(value) is None


@LAW
@given(each_codec(REFERRAL_WIRES))
def test_canonical_values_survive_storage_and_can_be_shown(case: tuple[str, Json]) -> None:
    value = CODECS[case[0]].from_referral(case[1])
    stored = load_fields(dump_fields({"f": value}))
    assert stored == {"f": value}
    assert type(stored["f"]) is type(value)
    assert isinstance(show(value), str)


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.lists(st.one_of(st.integers(), st.text(max_size=3)), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@pytest.mark.parametrize("name", sorted(CODECS))
@UNHURRIED
@given(wire=JUNK)
@example(wire=[])
@example(wire={})
@example(wire=1e300)
@example(wire="1e400")
@example(wire="1e999999999")
@example(wire="sNaN")
@example(wire=[{"id": None}])
@example(wire="0001-01-01T00:00:00+05:00")
@example(wire="9999-12-31T23:59:59-05:00")
def test_whatever_arrives_is_read_or_refused_by_rule_and_never_a_bug(name: str, wire: Json) -> None:
    codec = CODECS[name]
    for read in (codec.from_referral, codec.from_record):
        value: Value = None
        with contextlib.suppress(ValueError):  # a refusal by rule
            value = read(wire)
        codec.to_record(codec.fit(value))
        codec.to_referral(value, None)


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
    codec = codecs.text()
    assert codec.from_referral(referral) == codec.from_record(record)


@pytest.mark.parametrize("text", ["https://example.org/?a=1&region=2", "x=1&copy=2&para=3", "AT&T", "Q&A &notes"])
def test_an_ampersand_is_not_an_entity_unless_it_ends_in_a_semicolon(text: str) -> None:
    assert codecs.text().from_referral(text) == text


def test_text_is_cut_to_the_column_without_a_blank_at_the_end() -> None:
    codec = codecs.text(5)
    assert codec.fit("abcdefg") == "abcde"
    assert codec.fit("abcd efg") == "abcd"
    assert codec.fit("abc") == "abc"
    assert codec.fit(None) is None


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
    ],
)
def test_marks_in_front_of_a_name_are_no_part_of_it(written: str) -> None:
    codec = codecs.text(strip_mark=True)
    assert codec.from_record(written) == "Deal"
    assert codec.from_referral(written) == "Deal"


def test_marks_are_text_everywhere_else() -> None:
    assert codecs.text().from_record("\u2714 done") == "\u2714 done"
    assert codecs.text(strip_mark=True).from_record("Deal \u2714") == "Deal \u2714"


@pytest.mark.parametrize("wire", [5, True, ["x"], {"x": 1}])
def test_text_of_another_type_is_refused(wire: Json) -> None:
    with pytest.raises(ValueError, match="must be text"):
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


def test_zero_is_a_value_and_not_absent() -> None:
    codec = codecs.money()
    assert codec.from_referral(0) == Decimal(0)
    assert codec.from_referral(None) is None
    assert codec.from_referral("") is None


@pytest.mark.parametrize("wire", ["many", True, [], "NaN", float("inf"), float("nan"), "1,5"])
def test_what_is_no_amount_is_refused(wire: Json) -> None:
    with pytest.raises(ValueError, match="number"):
        codecs.money().from_record(wire)


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


def test_yes_no_is_strict_and_absent_is_no() -> None:
    codec = codecs.yes_no()
    assert codec.from_referral(None) is codec.from_record(None) is False
    assert codec.from_record(True) is codec.to_record(True) is codec.to_referral(True, None) is True
    for wire in ("true", 1, 0, "yes"):
        with pytest.raises(ValueError, match="true or false"):
            codec.from_record(wire)


def test_the_day_of_a_moment_is_in_utc_whatever_the_machine() -> None:
    moment = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
    assert codecs.day().from_record(moment.isoformat()) == date(2026, 3, 31)


def test_half_of_an_emoji_is_text_that_can_still_be_stored() -> None:
    # Programs that cut texts by UTF-16 units leave such halves behind, and JSON carries them.
    for read in (codecs.text().from_referral, codecs.text().from_record):
        assert str(read("cut here \ud83d")).encode().startswith(b"cut here")

"""Codecs are lenses: what is written is read back, and what is read is written back unchanged."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.deal import Value, dump_fields, load_fields, show
from shared.mapping import codecs
from shared.mapping.codecs import Codec, Json
from shared.mapping.people import people
from tests.support.stand_ins import UNHURRIED

HELP: Mapping[str | int | bool, str] = {
    1: "WorkloadSpecificValueProposition",
    2: "CustomerTechnicalArchitecture",
    6: "GeneralOrOther",
}

CODECS: Mapping[str, Codec] = {
    "text": codecs.text(),
    "cut text": codecs.text(10),
    "escaped text": codecs.text(escaped=True),
    "name": codecs.text(10, escaped=True, strip_mark=True),
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
@example(("text", "a\r\r\nb"))
@example(("escaped text", "&\r&NewLine;&"))
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
    stored = load_fields(json.loads(json.dumps(dump_fields({"f": value}))))
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

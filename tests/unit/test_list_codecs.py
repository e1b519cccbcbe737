"""Codecs of lists: a set in Partner Center, one text in the CRM; their laws are tested with those of all codecs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.deal import Value
from shared.mapping import codecs
from shared.mapping.codecs import Json
from shared.mapping.people import people
from tests.support.stand_ins import UNHURRIED

# --- solutions -------------------------------------------------------------------------------------------------------

HELD: list[dict[str, object]] = [
    {"id": "SOL-2-BBB", "name": "Two", "type": "Name", "price": 5},
    {"id": "SOL-1-AAA", "name": None, "type": "None", "publisherName": "Fabrikam"},
]


@pytest.mark.parametrize("text", ["SOL-1-AAA, SOL-2-BBB", "SOL-2-BBB;SOL-1-AAA", "SOL-1-AAA\nSOL-2-BBB,,SOL-1-AAA , "])
def test_solutions_are_a_set(text: str) -> None:
    codec = codecs.solutions()
    assert codec.from_record(text) == codec.from_referral(HELD) == ("SOL-1-AAA", "SOL-2-BBB")


def test_what_partner_center_keeps_with_a_solution_survives() -> None:
    codec = codecs.solutions()
    written = codec.to_referral(("SOL-1-AAA", "SOL-3-CCC"), HELD)
    assert isinstance(written, list)
    assert HELD[1] in written
    assert {"type": "Name", "id": "SOL-3-CCC"} in written
    assert len(written) == 2
    assert codec.needs_source


def test_what_partner_center_keeps_survives_a_blank_in_its_id() -> None:
    codec = codecs.solutions()
    held = [{"id": "SOL-1-AAA ", "name": "One", "price": 5}]
    written = codec.to_referral(codec.from_referral(held), held)
    assert isinstance(written, list)
    assert [each.get("name") for each in written] == ["One"]


@pytest.mark.parametrize("odd", [{"name": "without id"}, {"id": None, "name": "null id"}, "text", None])
def test_an_odd_member_of_the_list_is_no_bug(odd: Json) -> None:
    codec = codecs.solutions()
    held: list[object] = [odd, *HELD]
    assert codec.from_referral(held) == ("SOL-1-AAA", "SOL-2-BBB")
    written = codec.to_referral(("SOL-1-AAA",), held)
    assert written == [HELD[1]]


@UNHURRIED
@given(st.lists(st.from_regex(r"SOL-[0-9]{1,6}-[A-Z]{3}", fullmatch=True), max_size=9), st.integers(1, 60))
def test_a_list_is_cut_between_ids(ids: list[str], limit: int) -> None:
    codec = codecs.solutions(limit)
    value: Value = tuple(sorted(set(ids)))
    fitted = codec.fit(value)
    assert isinstance(fitted, tuple)
    assert set(fitted) <= set(ids)
    assert len(str(codec.to_record(fitted) or "")) <= limit


def test_a_list_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a list"):
        codecs.solutions().from_referral("SOL-1-AAA")


# --- people ----------------------------------------------------------------------------------------------------------

LEE = {
    "firstName": "Mary Ann",
    "lastName": "Lee",
    "phoneNumber": "+44 1",
    "email": "Lee@fabrikam.example",
    "title": "CTO",
}
OKORO = {"firstName": "", "lastName": "Okoro", "phoneNumber": "", "email": "o@fabrikam.example"}
TEAM = ("Lee, Mary Ann <Lee@fabrikam.example> +44 1", "Okoro,  <o@fabrikam.example>")


def test_a_team_is_a_line_for_each_person_whatever_their_order() -> None:
    codec = people()
    assert codec.from_referral([OKORO, LEE, OKORO]) == TEAM
    assert codec.to_record(TEAM) == "\n".join(TEAM)
    assert codec.from_record("Okoro, <o@fabrikam.example>\r\n\n Lee , Mary Ann<Lee@fabrikam.example>  +44 1") == TEAM


def test_what_partner_center_keeps_with_a_person_survives_a_new_name() -> None:
    codec = people()
    written = codec.to_referral(("Lee-Smith, Mary <lee@fabrikam.example> +44 2",), [LEE, OKORO])
    assert written == [
        {
            "firstName": "Mary",
            "lastName": "Lee-Smith",
            "phoneNumber": "+44 2",
            "email": "lee@fabrikam.example",
            "title": "CTO",
        }
    ]


def test_a_team_of_one_may_come_as_a_bare_object() -> None:
    assert people().from_referral(OKORO) == TEAM[1:]


def test_a_team_is_cut_between_people() -> None:
    assert people(len(TEAM[0]) + 3).fit(TEAM) == TEAM[:1]
    assert people(None).fit(TEAM) == TEAM


@pytest.mark.parametrize("line", ["Lee", "Mary Lee <lee@x.example>", "Lee, Mary lee@x.example", "Lee, Mary <a b>"])
def test_a_line_that_is_no_person_is_refused_with_the_form(line: str) -> None:
    with pytest.raises(ValueError, match="Last, First <mail> phone"):
        people().from_record(line)


def test_a_comma_in_a_name_is_no_reason_to_set_a_deal_aside() -> None:
    codec = people()
    held = [{**LEE, "lastName": "Lee, Jr. <x>"}]
    assert codec.from_referral(held) == ("Lee Jr. x, Mary Ann <Lee@fabrikam.example> +44 1",)
    assert codec.to_referral(codec.from_referral(held), held) == held

"""Solution ids as Partner Center takes them: their form, how many, and what was probably meant."""

from __future__ import annotations

import pytest

from shared.mapping.codecs.solution_ids import MOST, solution_check

CO_SELL, MICROSOFTS = "SOL-20311-QXT", "6ff1b4ca-110e-4e1d-9301-95015e1a11a3"


def ids(count: int) -> tuple[str, ...]:
    return tuple(f"SOL-{number}-QXT" for number in range(10_000, 10_000 + count))


@pytest.mark.parametrize("one", [CO_SELL, MICROSOFTS, MICROSOFTS.upper()])
def test_an_id_of_either_form_passes(one: str) -> None:
    assert solution_check({})((one,), None) is None


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        ("sol-20311-qxt", "sol-20311-qxt → SOL-20311-QXT"),
        ("SOL 20311 QXT", "SOL 20311 QXT → SOL-20311-QXT"),
        ("Analytics", "Analytics"),
        (f"{MICROSOFTS}0", f"{MICROSOFTS}0"),
    ],
)
def test_another_form_is_refused_with_what_was_meant(wrong: str, shown: str) -> None:
    refused = solution_check({})((wrong,), None)
    assert refused
    assert refused.code == "solutions.malformed"
    assert refused.values == {"ids": shown}


def test_what_the_catalogue_has_passes_whatever_its_form() -> None:
    assert solution_check({"Analytics": "Analytics of ours"})(("Analytics",), None) is None


def test_what_partner_center_holds_is_right_whatever_its_form() -> None:
    assert solution_check({})(("Analytics", CO_SELL), ("Analytics",)) is None


def test_as_many_as_it_takes_and_not_one_more() -> None:
    check = solution_check({})
    assert check(ids(MOST), None) is None
    refused = check(ids(MOST + 1), None)
    assert refused
    assert refused.code == "solutions.too_many"
    assert refused.values == {"count": MOST + 1, "limit": MOST}


@pytest.mark.parametrize(
    ("unknown", "shown"),
    [("SOL-20312-QXT", "SOL-20312-QXT → SOL-20311-QXT"), ("SOL-99999-ABC", "SOL-99999-ABC")],
)
def test_an_id_that_the_catalogue_lacks_is_refused_with_the_one_like_it(unknown: str, shown: str) -> None:
    refused = solution_check({CO_SELL: "Analytics"})((unknown,), None)
    assert refused
    assert refused.code == "solutions.not_in_catalogue"
    assert refused.values == {"ids": shown}


def test_a_name_of_the_catalogue_means_its_id() -> None:
    refused = solution_check({"SOL-1-ABC": "Other", MICROSOFTS: "Northwind Analytics"})(("SOL-3-ABD",), None)
    assert refused
    assert refused.values == {"ids": "SOL-3-ABD → SOL-1-ABC"}


def test_of_many_wrong_ids_the_first_five_are_named() -> None:
    refused = solution_check({})(tuple(f"wrong {number}" for number in range(8)), None)
    assert refused
    assert [f"wrong {number}" in str(refused.values) for number in range(8)] == [True] * 5 + [False] * 3


def test_an_id_of_the_catalogue_in_another_case_is_named_as_it_is_there() -> None:
    refused = solution_check({"Insight-Hub": "Insight Hub"})(("insight-hub",), None)
    assert refused
    assert refused.values == {"ids": "insight-hub → Insight-Hub"}

"""Which evidence makes a record and a referral one deal, and which spellings are the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from shared.mapping import pairing
from shared.mapping.likeness import plain_code, plain_name
from shared.mapping.pairing import PROPOSED, Score, Traits, best, score

BOTH = Traits(
    duns="150483782",
    customer="contoso",
    postal_code="bs13ae",
    country="gb",
    name="store analytics",
    amount="42000 GBP",
    closing="2027-06-30",
)

NO_DUNS = ("duns",)
OF_THE_DEAL = ("name", "amount", "closing")
TABLE = {
    # what nobody knows, what differs on the other side: points, and the weightiest reason
    "everything is the same": ((), {}, 0.99, "same D-U-N-S number"),
    "no D-U-N-S number": (NO_DUNS, {}, 0.99, "same deal name"),
    "customer, postal code, value": (("duns", "name", "closing"), {}, 0.65, "same value and currency"),
    "customer, value": (("duns", "name", "closing", "postal_code"), {}, 0.5, "same value and currency"),
    "deal name, value": (("duns", "customer", "postal_code", "closing"), {}, 0.55, "same deal name"),
    "deal name": (("duns", "customer", "postal_code", "closing", "amount"), {}, 0.3, "same deal name"),
    "customer alone, who has many deals": (OF_THE_DEAL, {}, 0.0, "same D-U-N-S number"),
    "another country": (NO_DUNS, {"country": "de"}, 0.75, "same deal name"),
    "another D-U-N-S number": ((), {"duns": "1"}, 0.65, "other D-U-N-S number"),
    "another customer and value": (
        NO_DUNS,
        {"customer": "fabrikam", "postal_code": "1", "amount": "7 GBP"},
        0.05,
        "same deal name",
    ),
    "another value": (NO_DUNS, {"amount": "7 GBP"}, 0.75, "same deal name"),
    "nothing is known": ((*NO_DUNS, *OF_THE_DEAL, "customer", "postal_code", "country"), {}, 0.0, None),
}


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE.keys())
def test_evidence_adds_up(case: tuple[tuple[str, ...], dict[str, str], float, str | None]) -> None:
    unknown, other, points, reason = case
    known = replace(BOTH, **dict.fromkeys(unknown, ""))
    found = score(known, replace(known, **other))
    assert found.points == points
    assert next(iter(found.reasons), None) == reason
    assert not found.certain


def test_the_crm_id_is_certain_and_another_one_rules_out() -> None:
    record = replace(BOTH, record_id="a")
    assert score(record, Traits(record_id="a")) == Score(1.0, ("the referral's CRM ID names the record",))
    assert score(record, replace(BOTH, record_id="b")).points == 0


def test_the_likeliest_is_chosen_and_rivals_are_named() -> None:
    sure, weak, none = Score(0.9, ("a",)), Score(0.6, ("b",)), Score(0.49, ("c",))
    assert best([("x", weak), ("y", sure), ("z", none)]) == ("y", sure)
    assert best([("z", none)]) is None
    assert best([]) is None
    chosen = best([("y", sure), ("x", Score(0.85, ("d",)))])
    assert chosen == ("y", Score(PROPOSED, ("1 more are about as likely: x", "a")))
    assert best([("y", Score(1.0, ("id",))), ("x", Score(0.95, ()))]) == ("y", Score(1.0, ("id",)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Contoso GmbH & Co. KG", "CONTOSO"),
        ("Contoso S.A.", "Contoso SA"),
        ("✔ Contoso Ltd.", "contoso limited"),
        ("Müller AG", "Muller"),
        ("㈜한빛", "주식회사 한빛"),
        ("한빛주식회사", "한빛"),
        ("\uff23\uff2f\uff2e\uff34\uff2f\uff33\uff2f", "Contoso, Inc."),
        ("O\u2019Reilly", "O'Reilly"),
        ("AG", "ag"),
    ],
)
def test_a_company_is_the_same_in_every_spelling(one: str, other: str) -> None:
    assert plain_name(one) == plain_name(other) != ""


@pytest.mark.parametrize(("one", "other"), [("Contoso", "Contoso Pharma"), ("3M", "4M"), ("AG", "SE"), ("", "x")])
def test_other_companies_are_others(one: str, other: str) -> None:
    assert plain_name(one) != plain_name(other)


def test_values_are_compared_with_their_currency_and_nothing_is_no_evidence() -> None:
    assert pairing.amount(Decimal("1000.00"), "eur") == pairing.amount(Decimal(1000), "EUR") == "1000 EUR"
    assert pairing.amount(Decimal(1000), "EUR") != pairing.amount(Decimal(1000), "USD")
    assert pairing.amount(Decimal(0), "EUR") == pairing.amount(None, "EUR") == ""
    assert pairing.day(date(2027, 3, 31)) == "2027-03-31"
    assert pairing.day(None) == ""


def test_ids_are_compared_in_one_spelling() -> None:
    assert pairing.record_id("0065e00000AbCdEAAV") == pairing.record_id("0065e00000AbCdE") == "0065e00000AbCdE"
    guid = "7E1D7C0A-2B7C-4C0E-8C0A-7D4A3C1F9B20"
    assert pairing.record_id("{" + guid + "}") == guid.lower()
    assert plain_code("BS1 3AE") == plain_code("bs1-3ae")


@pytest.mark.parametrize(
    ("profile", "found"),
    [
        (
            {"ids": [{"profileType": "External", "id": "6-A"}, {"profileType": "Duns", "id": "15-048-3782"}]},
            "150483782",
        ),
        ({"ids": {"profileType": "Duns", "id": "1"}}, "1"),
        ({"ids": [{"profileType": "Duns", "id": ""}]}, ""),
        ({"ids": None}, ""),
        (None, ""),
    ],
)
def test_the_duns_number_is_found(profile: object, found: str) -> None:
    assert pairing.duns_of(profile) == found

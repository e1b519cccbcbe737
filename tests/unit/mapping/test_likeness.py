"""Whether two customers are one: a table of pairs, each with what a person would say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.mapping.likeness import Customer, beginning, plain_code, plain_domain, plain_name, score
from tests.support.stand_ins import UNHURRIED

NORTHWIND = Customer("Northwind Traders", "LS1 4DL", "GB")


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        (NORTHWIND, 100),
        (Customer(" NORTHWIND  TRADERS ", "ls14dl", "gb"), 100),
        (Customer("Northwind Traders Ltd.", "LS1 4DL", ""), 100),
        (Customer("The Northwind-Traders, Limited", "LS1-4DL", "GB"), 100),
        (Customer("Nörthwind Traders", "LS1 4DL", "GB"), 100),
        (Customer("Northwind Trader", "LS1 4DL", "GB"), 80),
        (Customer("Northwind Traders", "", "GB"), 70),
        (Customer("Northwind Traders", "M1 1AA", "GB"), 50),
        (Customer("Northwind Traders", "LS1 4DL", "US"), 0),
        (Customer("Northwind Insurance", "LS1 4DL", "GB"), 0),
        (Customer("Southwind Bakery", "LS1 4DL", "GB"), 0),
        (Customer("", "LS1 4DL", "GB"), 0),
    ],
)
def test_names_and_places(held: Customer, wanted: int) -> None:
    assert score(NORTHWIND, held) == wanted


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        (Customer("A", duns="15-048-3782"), Customer("B", "X", "US", duns="150483782"), 100),
        (Customer("Fabrikam", "X", duns="150483782"), Customer("Fabrikam", "X", duns="150483783"), 0),
        (Customer("Fabrikam", domain="kim@fabrikam.com"), Customer("Fabrikam", domain="http://www.fabrikam.com/"), 100),
        (Customer("Fabrikam", domain="kim@gmail.com"), Customer("Fabrikam", domain="gmail.com"), 70),
        (Customer("Fabrikam", domain="fabrikam.com"), Customer("Fabrikam", domain="fabrikam.de"), 70),
        (Customer("Fabrikum", "X", domain="f.com"), Customer("Fabrikam", "X", domain="f.com"), 100),
    ],
)  # fmt: skip
def test_numbers_and_domains(left: Customer, right: Customer, wanted: int) -> None:
    assert score(left, right) == score(right, left) == wanted


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Müller Maschinen GmbH & Co. KG", "muller maschinen"),
        ("Société Générale S.A.", "societe generale"),
        ("Van Dijk B.V.", "van dijk"),
        ("㈜컨토소", "컨토소"),
        ("주식회사 컨토소", "컨토소"),
        ("Smith & Sons, Inc.", "smith sons"),
        ("The Limited", "the limited"),
        ("", ""),
    ],
)
def test_a_name_without_what_does_not_matter(name: str, plain: str) -> None:
    assert plain_name(name) == plain


def test_codes_domains_and_beginnings() -> None:
    assert [plain_code(each) for each in ("12345-6789", " sw1a 2aa ", "D-80331", "")] == [
        "12345",
        "sw1a2aa",
        "d80331",
        "",
    ]
    assert [plain_domain(each) for each in ("a@WWW.x.com", "x.com:443", "localhost", "")] == ["x.com", "x.com", "", ""]
    assert [beginning(each) for each in (" Northwind Traders", "The Bank", "3M", "3M Company X", "")] == [
        "Northwind",
        "The Bank",
        "3M",
        "3M Company",
        "",
    ]


@UNHURRIED
@given(st.text(), st.text(), st.text(), st.text())
def test_any_text_has_a_score_that_is_the_same_both_ways(name: str, other: str, code: str, domain: str) -> None:
    left, right = Customer(name, code, domain=domain), Customer(other, code, domain=domain)
    assert 0 <= score(left, right) <= 100
    assert score(left, left) >= score(left, Customer(name, code))

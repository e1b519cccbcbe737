"""A problem has a stable code and values that cannot pretend to be something else; the catalogue has its sentences."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import CosellError, DataError, StaleError, problems_of
from shared.messages import LANGUAGES, Messages, catalogue
from shared.problems import LONGEST, LONGEST_MESSAGE, Problem, dump_problem, load_problem, problem
from tests.support.catalogue import calls, placeholders

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / "shared", ROOT / "tools")
PROBLEMS = catalogue("en").problems


def test_a_problem_says_field_rule_and_remedy() -> None:
    found = problem("deal.value_missing", "deal_value")
    assert str(found) == "Deal value: Partner Center requires a deal value. Enter the estimated value."
    assert (found.rule, found.remedy) == ("Partner Center requires a deal value", "Enter the estimated value.")


def test_an_unknown_code_is_an_error_where_the_problem_is_made() -> None:
    with pytest.raises(KeyError, match="no\\.such"):
        problem("no.such", "deal_value")


def test_a_missing_value_is_an_error_where_the_problem_is_made() -> None:
    with pytest.raises(KeyError, match="message"):
        problem("crm.refused", "record", crm="Dynamics 365")


def test_a_value_is_cut() -> None:
    found = problem("value.not_a_date", "closing_date", value="x" * 500, side="crm")
    assert dict(found.values)["value"] == "x" * (LONGEST - 1) + "…"


def test_a_vendors_own_words_are_cut_later() -> None:
    found = problem("crm.refused", "record", crm="Dynamics 365", message="y" * 500)
    assert dict(found.values)["message"] == "y" * (LONGEST_MESSAGE - 1) + "…"


def test_a_value_cannot_begin_a_line_of_its_own() -> None:
    forged = "ok\r\n2026-11-28 10:00:00 UTC  \u202eCRM\u2028\x00\ud800 end"
    found = problem("value.not_a_date", "closing\ndate", value=forged, side="crm")
    assert dict(found.values)["value"] == "ok 2026-11-28 10:00:00 UTC CRM end"
    assert found.field == "closing date"
    assert str(found).isprintable()


def test_a_vendors_full_stop_is_not_doubled() -> None:
    found = problem("partner_center.refused", "solutions", message="'foo bar' is not a valid solution id.")
    assert str(found) == (
        "Products: Partner Center refused it: 'foo bar' is not a valid solution id. Correct products, then save again."
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", PROBLEMS)
def test_no_sentence_doubles_the_full_stop_of_what_it_quotes(code: str, language: str) -> None:
    fixed = {"side": "crm", "parts": "phone"}
    names = set(re.findall(r"{(\w+)", " ".join(PROBLEMS[code].values()))) - {"field"}
    found = problem(code, "record", **{name: fixed.get(name, "Call your administrator.") for name in names})
    messages = Messages(language)
    assert ".." not in messages.full(found) + " " + messages.short_remedy(found)


def test_a_value_with_braces_is_no_template() -> None:
    found = problem("value.not_a_date", "closing_date", value="{side} {no} {0.__class__}", side="crm")
    assert "{side} {no} {0.__class__} is not" in str(found)


def test_the_order_of_the_values_means_nothing() -> None:
    one = problem("crm.refused", "record", crm="Salesforce", message="no")
    assert one == problem("crm.refused", "record", message="no", crm="Salesforce")
    assert len({one, problem("crm.refused", "record", message="no", crm="Salesforce")}) == 1


@pytest.mark.parametrize("code", PROBLEMS)
def test_a_stored_problem_comes_back(code: str) -> None:
    values = dict.fromkeys(placeholders("problems", code) - {"field"}, "crm")
    made = problem(code, "deal_value", **values)
    assert load_problem(dump_problem(made)) == made


@pytest.mark.parametrize(
    "content",
    [
        {"code": "of.tomorrow", "field": "name", "values": {"x": "y"}},
        {"code": "crm.refused", "field": "name", "values": {}},
        {"code": "crm.refused", "field": "name", "values": {"code": "1", "field": "2"}},
        {"code": "crm.refused", "field": "name", "values": "none"},
        {},
    ],
)
def test_a_stored_problem_that_this_version_does_not_know_is_shown_all_the_same(content: dict[str, object]) -> None:
    found = load_problem(content)
    assert found.code == "app.problem_unknown"
    assert str(content.get("code")) in found.rule
    for language in LANGUAGES:
        assert Messages(language).full(found)


def test_a_problem_cannot_be_changed() -> None:
    found: Problem = problem("deal.value_missing", "deal_value")
    with pytest.raises(AttributeError):
        found.code = "x"  # type: ignore[misc]


# --- errors as problems ----------------------------------------------------------------------------------------------


def kinds(family: type[CosellError] = CosellError) -> Iterator[type[CosellError]]:
    """Yield every error of the product's tree."""
    for kind in family.__subclasses__():
        if kind.__module__ == "shared.errors":
            yield kind
            yield from kinds(kind)


@pytest.mark.parametrize("kind", list(kinds()))
def test_every_error_is_a_problem_of_the_catalogue(kind: type[CosellError]) -> None:
    error = kind("went wrong") if kind is not DataError else DataError(problem("deal.value_missing", "deal_value"))
    (found,) = problems_of(error)
    assert found.code in PROBLEMS
    assert found.rule
    assert "went wrong" in found.rule or isinstance(error, (DataError, StaleError))


def test_a_data_error_has_every_problem() -> None:
    both = (problem("deal.value_missing", "deal_value"), problem("deal.solutions_missing", "solutions"))
    assert problems_of(DataError(*both)) == both


# --- the source ------------------------------------------------------------------------------------------------------


def makings() -> Iterator[tuple[str, str, ast.Call]]:
    """Yield every making of a problem: its place, by what it is made, and the call."""
    for place, call in calls(*FOLDERS):
        if isinstance(call.func, ast.Name) and call.func.id in {"problem", "UnreadableValue", "Problem"}:
            yield place, call.func.id, call


def test_every_problem_that_the_source_makes_is_in_the_catalogue_with_its_values() -> None:
    seen = 0
    for place, maker, call in makings():
        code = call.args[0] if call.args else None
        if not (isinstance(code, ast.Constant) and isinstance(code.value, str)):
            continue  # The code comes from a table or is passed on; `problem` itself checks it.
        seen += 1
        assert code.value in PROBLEMS, place
        needed = placeholders("problems", code.value) - {"field"}
        given = {str(keyword.arg) for keyword in call.keywords}
        assert given == (needed - {"side"} if maker == "UnreadableValue" else needed), place
    assert seen > 30, "the walk finds the makings"


def test_problems_are_made_by_the_factory_alone() -> None:
    makers = {Path(place.partition(":")[0]).name for place, maker, _ in makings() if maker == "Problem"}
    assert makers == {"problems.py"}

"""The report of a preview: counted, worst first, bounded, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from shared.deal import RecordKey
from shared.link import Link
from shared.sync.mass_change import Kind
from shared.sync.preview import Action, DealForecast, Forecast, Side
from shared.sync.task import Choices
from tools.admin.preview.forecasts import EXAMPLES, GROUPS, CsvRows, Report

FILLED = Forecast(Action.WRITE, Side.CRM, "notes", "changed in Partner Center", "(empty)", "Pilot")
CLEARED = Forecast(Action.CLEAR, Side.PARTNER_CENTER, "notes", "changed in the CRM", "Pilot", "(empty)")
FAILED = Forecast(Action.FAIL, Side.BOTH, "help", "option 7 is not one of 1, 2. Correct it.")


def deal(number: int, *forecasts: Forecast) -> DealForecast:
    record = RecordKey("dynamics365", "opportunity", f"record-{number}")
    return DealForecast(Link("dynamics365", f"referral-{number}", record), forecasts)


def report(*deals: DealForecast) -> Report:
    made = Report("dynamics365", "1 (abc)")
    for each in deals:
        made.add(each)
    return made


def test_like_is_counted_with_like_and_the_worst_comes_first() -> None:
    made = report(deal(1, FILLED), deal(2, FILLED, FAILED), deal(3), deal(4, CLEARED), deal(5, FILLED))
    assert (made.deals, made.untouched, made.alarming) == (5, 1, 2)
    assert [(key[0], group.count) for key, group in made.groups()] == [
        (Action.FAIL, 1),
        (Action.CLEAR, 1),
        (Action.WRITE, 3),
    ]


@pytest.mark.parametrize(("limit", "percent", "held"), [(2, 0, True), (3, 0, False), (2, 60, False), (2, 59, True)])
def test_a_mass_change_is_told_before_it_is_held(limit: int, percent: int, *, held: bool) -> None:
    closing = [replace(deal(number, FILLED), counted=Kind.CLOSE) for number in range(3)]
    made = report(*closing, replace(deal(3, CLEARED), counted=Kind.CLEAR), deal(4))
    told = dict(made.held(Choices(mass_deals=limit, mass_percent=percent)))
    assert told == ({Kind.CLOSE: 3} if held else {})
    assert json.loads(made.as_json())["counted"] == {"close": 3, "clear": 1}


def test_a_few_examples_stand_for_many_deals() -> None:
    made = report(*(deal(number, FILLED) for number in range(1000)))
    ((_, group),) = made.groups()
    assert group.count == 1000
    assert [example[0] for example in group.examples] == [f"referral-{number}" for number in range(EXAMPLES)]


def test_reasons_without_end_do_not_grow_the_report() -> None:
    made = report(
        *(deal(number, Forecast(Action.FAIL, Side.BOTH, "help", f"option {number}")) for number in range(5000))
    )
    groups = dict(made.groups())
    assert len(groups) == GROUPS + 1
    assert groups[Action.FAIL, Side.BOTH, "help", "other reasons"].count == 5000 - GROUPS


def test_the_table_and_the_json_tell_the_same() -> None:
    made = report(deal(1, FILLED), deal(2, CLEARED))
    content = json.loads(made.as_json())
    assert (content["deals"], content["untouched"], content["alarming"]) == (2, 0, 1)
    assert [group["action"] for group in content["groups"]] == ["clear", "write"]
    assert content["groups"][0]["examples"] == [
        {"referral_id": "referral-2", "record_id": "record-2", "old": "Pilot", "new": "(empty)"}
    ]
    console = Console(file=io.StringIO(), width=160)
    console.print(made.table())
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for text in ("clear", "partner center", "notes", "changed in the CRM", "referral-2: Pilot → (empty)"):
        assert text in shown


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_a_deals_text_is_no_formula_in_the_csv(text: str) -> None:
    file = io.StringIO()
    rows = CsvRows(file)
    rows.add(deal(1, Forecast(Action.WRITE, Side.CRM, "notes", "why", text, "plain")))
    (row,) = csv.DictReader(io.StringIO(file.getvalue()))
    assert (row["old"], row["new"]) == (f"'{text}", "plain")

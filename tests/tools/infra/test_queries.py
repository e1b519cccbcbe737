"""The queries of alerts and workbook ask for lines that the code logs, and for functions that exist."""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.feeds.poison import POISON
from tests.support.bicep import FOLDER, read
from tools.admin.workbook import PARTS

ROOT = FOLDER.parent
QUERIES = sorted((FOLDER / "queries").glob("*.kql"))
RULES = read(FOLDER / "alerts.bicep").of("variable")["rules"].value

FILLERS = (POISON, "401", "GET", "Partner Center", "/path", "agreed")
"""What may stand in a log line's places."""


def logged() -> Iterator[str]:
    """Every line that shared/ and the functions can log, with places filled in."""
    for file in [*(ROOT / "shared").rglob("*.py"), *ROOT.glob("*/__init__.py")]:
        if "getLogger" not in (source := file.read_text()):
            continue  # To read all as code takes every worker of a test run a second.
        for node in ast.walk(ast.parse(source)):
            if _logs(node):
                yield from _filled(node.args[0].value)  # type: ignore[attr-defined]


def _logs(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("debug", "info", "warning", "error")
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
        and bool(node.args)
        and isinstance(node.args[0], ast.Constant)
    )


def _filled(template: str) -> Iterator[str]:
    parts = re.split(r"%[sd]", template)
    for fill in itertools.product(FILLERS, repeat=len(parts) - 1):
        yield "".join(itertools.chain(*itertools.zip_longest(parts, fill, fillvalue="")))


LINES = tuple(set(logged()))


def test_lines_are_found_in_the_code() -> None:
    assert "event queued" in LINES
    assert f"alert {POISON} raised" in LINES


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_a_query_asks_for_lines_that_are_logged(file: Path) -> None:
    query = _code(file)
    for begin in re.findall(r'Message startswith "([^"]+)"', query):
        assert any(line.startswith(begin) for line in LINES), begin
    for pattern in re.findall(r'Message matches regex @"([^"]+)"', query):
        assert any(re.search(pattern, line) for line in LINES), pattern


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_a_query_asks_for_functions_that_exist(file: Path) -> None:
    for name in re.findall(r'OperationName == "(\w+)"', _code(file)):
        assert (ROOT / name / "function.json").is_file()


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_a_query_keeps_to_the_tables_and_columns_of_a_workspace(file: Path) -> None:
    tables = {
        "AppTraces": {"TimeGenerated", "Message", "SeverityLevel", "OperationName", "AppRoleInstance"},
        "AppRequests": {"TimeGenerated", "OperationName", "Success", "DurationMs", "ResultCode"},
    }
    query = _code(file)
    table = next(name for name in tables if re.search(rf"^(let \w+ = )?{name}$", query, re.MULTILINE))
    columns = set(re.findall(r"\b[A-Z][A-Za-z]+\b", re.sub(r'@?"[^"]*"', "", query)))
    assert columns - {"Found"} - set(tables) <= tables[table]


def test_lines_that_calls_leave_are_read_by_the_query_of_calls() -> None:
    (pattern,) = re.findall(r'extract_all\(@"([^"]+)"', _code(FOLDER / "queries" / "outgoing-calls.kql"))
    found = {match.groups() for line in LINES if (match := re.search(pattern, line))}
    assert ("Partner Center", "GET", "401") in found


@pytest.mark.parametrize(
    ("line", "outcome", "crm", "ms", "age"),
    [
        ("deal handled: agreed | crm=dynamics365 ms=12 age_ms=2345", "agreed", "dynamics365", "12", "2345"),
        ("deal handled: known", "known", None, None, None),
        ("deal set aside: stage: must not be empty. | crm=salesforce age_ms=7 ms=9", "stage: must not be empty.",
         "salesforce", "9", "7"),
    ],
)  # fmt: skip
def test_what_a_line_about_a_deal_says_is_read(
    line: str, outcome: str, crm: str | None, ms: str | None, age: str | None
) -> None:
    patterns = dict(
        re.findall(r'(\w+) = (?:tolong\()?extract\(@"([^"]+)", 1', _code(FOLDER / "queries" / "outcomes.kql"))
    )
    read_ = {name: match[1] if (match := re.search(pattern, line)) else None for name, pattern in patterns.items()}
    assert read_ == {"outcome": outcome, "crm": crm, "ms": ms, "age_ms": age}


# --- alerts ----------------------------------------------------------------------------------------------------------


def test_each_alert_counts_one_number_by_a_query_of_its_own() -> None:
    files = {rule["name"]: f"loadTextContent('queries/{rule['name']}.kql')" for rule in RULES}
    assert {rule["name"]: rule["query"] for rule in RULES} == files
    for rule in RULES:
        query = _code(FOLDER / "queries" / f"{rule['name']}.kql")
        assert query.rstrip().endswith("| summarize Found = count()")
        assert rule["operator"] in ("GreaterThan", "LessThan")
        assert rule["text"]


def test_silence_wakes_somebody_and_so_does_each_failure() -> None:
    assert {(rule["name"], rule["operator"], rule["threshold"]) for rule in RULES} == {
        # A query without rows counts nothing, but this one always has a row: 0.
        ("no-heartbeat", "LessThan", 1),
        ("failed-invocations", "GreaterThan", 2),
        ("poison-queue", "GreaterThan", 0),
        ("refused-events", "GreaterThan", 10),
        ("app-alerts", "GreaterThan", 0),
    }


def test_sampling_leaves_the_lines_that_are_asked_for() -> None:
    logging = json.loads((ROOT / "host.json").read_text())["logging"]
    assert logging["applicationInsights"]["samplingSettings"]["excludedTypes"] == "Request;Exception;Trace"
    assert logging["logLevel"]["Function"] == "Information"


# --- the workbook ----------------------------------------------------------------------------------------------------


def test_the_workbook_shows_every_query_that_no_alert_needs() -> None:
    content = json.loads((FOLDER / "workbook.json").read_text())
    queries = {item["name"]: item["content"] for item in content["items"] if item["type"] == 3}
    assert [name for name, _, _ in PARTS] == list(queries)
    assert {file.stem for file in QUERIES} == {*queries, *(rule["name"] for rule in RULES)}
    parameters = {
        each["name"] for item in content["items"] if item["type"] == 9 for each in item["content"]["parameters"]
    }
    for name, shown in queries.items():
        assert shown["query"] == (FOLDER / "queries" / f"{name}.kql").read_text()
        assert {*re.findall(r"\{([A-Za-z]\w*)\}", shown["query"]), shown["timeContextFromParameter"]} <= parameters


def _code(file: Path) -> str:
    return "\n".join(line for line in file.read_text().splitlines() if not line.startswith("//"))

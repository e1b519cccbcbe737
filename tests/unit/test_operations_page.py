"""docs/OPERATIONS.md says what to do about every alert that the app or Azure can raise."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.feeds.poison import POISON
from shared.messages import ENGLISH, catalogue
from shared.sync.failures import POLL, WORKER
from shared.sync.mass_change import MASS_CHANGE
from shared.webhook.watchdog import EVENTS, HEARTBEAT, REGISTRATION
from tests.support.bicep import FOLDER, read
from tools.admin.workbook import PARTS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "OPERATIONS.md").read_text()
ENTRIES = {
    entry
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for entry in re.findall(r"`([^`]+)`", line.split("|")[1])
}
"""What stands in the first column of a table."""


def steps() -> Iterator[str]:
    """Every step of the timers, whose failure raises an alert under its own name."""
    for node in ast.walk(ast.parse((ROOT / "shared" / "timers.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_attempt":
            step = node.args[2]
            if isinstance(step, ast.Constant):
                yield str(step.value)
            elif isinstance(step, ast.JoinedStr):
                yield "".join(str(each.value) if isinstance(each, ast.Constant) else "<crm>" for each in step.values)


STEPS = sorted(set(steps()))
KEYS = [key.format("<crm>") for key in (WORKER, POLL, MASS_CHANGE)] + [POISON, REGISTRATION, EVENTS, HEARTBEAT]


def test_the_steps_of_the_timers_are_found() -> None:
    assert {"sweep <crm>", "look at the webhook"} <= set(STEPS)


@pytest.mark.parametrize("key", [*STEPS, *KEYS, "<crm> deal <id>"])
def test_every_alert_of_the_app_has_an_entry(key: str) -> None:
    assert key in ENTRIES


SECTION = PAGE.partition("## When an alert comes")[2].partition("Azure Monitor raises")[0]
ALERTS = [line for line in SECTION.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("line", ALERTS, ids=lambda line: line.split("|")[1].strip())
def test_every_alert_says_what_happened_what_sellers_see_and_who_does_what(line: str) -> None:
    cells = [each.strip() for each in line.strip("| ").split(" | ")]
    assert len(cells) == 4
    assert all(cells)
    shown = " ".join(text for key, text in catalogue(ENGLISH).texts.items() if key.startswith("pending."))
    assert [words for words in re.findall(r"\*([^*]+)\*", cells[2]) if words not in shown] == []


@pytest.mark.parametrize("rule", [rule["name"] for rule in read(FOLDER / "alerts.bicep").of("variable")["rules"].value])
def test_every_rule_of_azure_has_an_entry(rule: str) -> None:
    assert rule in ENTRIES


def test_an_alert_is_raised_under_a_key_that_is_named_here() -> None:
    raised = set()
    for file in (ROOT / "shared").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "alert":
                raised.add((file.name, ast.unparse(node.args[0])))
    assert {name for name, _ in raised} == {"watchdog.py", "poison.py", "worker.py", "failures.py", "timers.py"}, (
        "another place raises alerts: name their keys above"
    )


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((#[^)]+)\)", PAGE))))
def test_a_link_within_the_page_leads_somewhere(target: str) -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    assert target[1:] in {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in headings}


# --- how big the table gets ------------------------------------------------------------------------------------------


def kinds_of_drawers() -> Iterator[str]:
    """Every kind of drawer that the app makes; a kind with a CRM in it as `<kind>-<crm>`."""
    for file in (ROOT / "shared").rglob("*.py"):
        if "rawer" not in (source := file.read_text()):
            continue  # To read all as code takes every worker of a test run a second.
        tree = ast.parse(source)
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1:
                kind = node.args[0]
                if node.func.id not in ("document", "text", "moment") or file.parent.name == "check":
                    continue
                if isinstance(kind, ast.Name):
                    yield str(constants.get(kind.id, kind.id))
                else:
                    yield str(kind.value) if isinstance(kind, ast.Constant) else ast.unparse(kind)


KINDS = sorted(set(kinds_of_drawers()))


def test_the_kinds_of_drawers_are_found() -> None:
    assert {"cursor", "alert", "issuer", "freshness", "kind_of_shadows(crm)"} <= set(KINDS)


@pytest.mark.parametrize("kind", [*KINDS, "adopt_refused"])
def test_every_kind_of_drawer_says_how_many_there_are_and_how_long(kind: str) -> None:
    assert {"kind_of_shadows(crm)": "shadow-<crm>"}.get(kind, kind) in ENTRIES


@pytest.mark.parametrize("file", ["table_ledger.py", "table_survey.py"])
def test_every_kind_of_row_says_how_many_there_are_and_how_long(file: str) -> None:
    about = ast.get_docstring(ast.parse((ROOT / "shared" / "ledger" / file).read_text())) or ""
    kinds = set(re.findall(r"`(\w+):<", about))
    assert len(kinds) >= 3
    assert kinds <= ENTRIES


@pytest.mark.parametrize("query", [name for name, *_ in PARTS])
def test_every_part_of_the_workbook_is_explained(query: str) -> None:
    assert query in ENTRIES

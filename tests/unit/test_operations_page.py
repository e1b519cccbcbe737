"""docs/OPERATIONS.md says what to do about every alert that the app or Azure can raise."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.feeds.poison import POISON
from shared.sync.failures import POLL, WORKER
from shared.sync.mass_change import MASS_CHANGE
from shared.webhook.watchdog import EVENTS, HEARTBEAT, REGISTRATION
from tests.support.bicep import FOLDER, read

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

"""The function folders are what Azure's worker library and the contract expect."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.local.localhost.process import HostProcess

ROOT = Path(__file__).resolve().parents[2]

SCHEDULES = {"CRM_POLL_SCHEDULE": "0 0 0 1 1 *", "RECONCILE_SCHEDULE": "0 0 0 1 1 *", "SYNC_QUEUE": "deals"}

TRIGGERS = {
    "WebhookReceiver": ("httpTrigger", "route", "WebhookReceiver"),
    "RegisterWebhook": ("httpTrigger", "route", "RegisterWebhook"),
    "StatusPage": ("httpTrigger", "route", "StatusPage"),
    "CrmPoller": ("timerTrigger", "schedule", "%CRM_POLL_SCHEDULE%"),
    "Reconciler": ("timerTrigger", "schedule", "%RECONCILE_SCHEDULE%"),
    "SyncWorker": ("queueTrigger", "queueName", "%SYNC_QUEUE%"),
}


@pytest.mark.slow
def test_every_function_loads_in_the_genuine_worker_library(azurite: str) -> None:
    with HostProcess(ROOT, {**SCHEDULES, "AzureWebJobsStorage": azurite}) as host:
        assert host.load_errors == {}
        assert sorted(host.functions) == sorted(TRIGGERS)


@pytest.mark.parametrize("name", TRIGGERS)
def test_the_trigger_is_the_contracts(name: str) -> None:
    bindings = json.loads((ROOT / name / "function.json").read_text())["bindings"]
    kind, key, value = TRIGGERS[name]
    assert (bindings[0]["type"], bindings[0][key]) == (kind, value)
    if kind == "httpTrigger":
        assert bindings[0]["authLevel"] == "function"


@pytest.mark.parametrize("name", ["RegisterWebhook", "StatusPage"])
def test_it_is_a_page_too(name: str) -> None:
    binding = json.loads((ROOT / name / "function.json").read_text())["bindings"][0]
    assert binding["methods"] == ["get", "post"]


@pytest.mark.parametrize("name", TRIGGERS)
def test_an_entry_point_translates_and_nothing_else(name: str) -> None:
    source = (ROOT / name / "__init__.py").read_text()
    assert "from .." not in source, "a relative import would make a second copy of every module"
    assert len(source.splitlines()) <= 45


HEAVY = ("azure.identity", "azure.data.tables", "jinja2", "msal", "simple_salesforce")
"""What is imported at first use, for the cold start."""


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_cold_start_imports_nothing_heavy(name: str) -> None:
    command = [sys.executable, "-c", f"import sys, {name}; print(*sys.modules)"]
    loaded = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert "shared.bootstrap" in loaded
    knows_no_deals = name in ("WebhookReceiver", "RegisterWebhook")
    assert not set(loaded) & {*HEAVY, *(("shared.mapping.model",) if knows_no_deals else ())}


def test_nothing_mixes_in_the_other_programming_model() -> None:
    assert not (ROOT / "function_app.py").exists()


def test_what_azure_installs_is_pinned() -> None:
    text = (ROOT / "requirements.txt").read_text()
    entries = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert entries
    assert all("==" in entry for entry in entries)
    assert text.count("--hash=sha256:") >= len(entries)

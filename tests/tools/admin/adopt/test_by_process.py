"""`cosell.py adopt` as an administrator runs it: a process, a file edited by hand, Ctrl-C in the middle, and again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import cosell
from tests.support.stages.crm import DataverseStage
from tests.tools.admin.adopt.test_command import Office, edited
from tests.tools.localhost.waiting import until
from tools.simulators.vendors import CLIENT_ID, CLIENT_SECRET, Vendors

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-u", "-P", "-m", "tools.cli", "adopt"]
ROUNDS, NEW = 4, 4
CONTACT = ("Olive", "Marsh", "olive@contoso.example")
TO_WRITE = 3 * ROUNDS + NEW


class Shell:
    """A terminal in which the commands find everything in their environment."""

    def __init__(self, office: Office, azurite: str) -> None:
        vendors, stage = office.stage.vendors, office.stage
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "MAPPING_DIR"},
            **vendors.settings(),
            "AzureWebJobsStorage": azurite,
            "SYNC_QUEUE": f"deals-{uuid.uuid4()}",
            "CRM": "dynamics365",
            "DYNAMICS_URL": stage.server.url,
            "DYNAMICS_TENANT_ID": vendors.entra.tenant_id,
            "DYNAMICS_CLIENT_ID": CLIENT_ID,
            "DYNAMICS_CLIENT_SECRET": CLIENT_SECRET,
            "PYTHONPATH": str(cosell.ROOT),
        }

    def start(self, folder: Path, *args: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*COMMAND, *args], cwd=folder, env=self._environment, stdout=pipe, stderr=pipe, text=True
        )

    def run(self, folder: Path, *args: str) -> tuple[int, dict[str, Any]]:
        process = self.start(folder, *args, "--json")
        out, err = process.communicate(timeout=240)
        assert err.strip() == "" or err.startswith(tuple("0123456789")), err  # How many rows are not decided.
        return process.returncode, json.loads(out)


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with Vendors() as vendors:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
        yield Office(vendors, DataverseStage(vendors))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to a single process")
def test_an_interrupted_run_is_finished_by_the_same_file_and_nothing_is_doubled(
    office: Office, azurite: str, tmp_path: Path
) -> None:
    shell = Shell(office, azurite)
    for _ in range(ROUNDS):
        office.populate()
    stage = office.stage
    address = {"address1_line1": "1 High Street", "address1_country": "United Kingdom"}
    account = stage.add_account(customer="Contoso Outdoor", city="Bristol", **address)
    alone = {stage.dialect.account_of: account, "parentcontactid": stage.add_contact(account, *CONTACT)}
    new = [stage.add_deal(name=f"Alone {number}", value=Decimal(90_000 + number), **alone) for number in range(NEW)]
    before = office.state()
    code, told = shell.run(tmp_path, "--csv", "deals.csv")
    assert (code, told["complete"]) == (1, True)
    totals = told["totals"]["dynamics365"]
    assert (totals["write"], totals["create referral"]) == (3 * ROUNDS, NEW)
    assert office.state() == before
    edited(tmp_path / "deals.csv", "yes")

    process = shell.start(tmp_path, "--apply", "deals.csv")
    until(lambda: done(office) >= 2, 120)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "cosell.py: interrupted" in err
    assert "Traceback" not in err
    halfway = done(office)
    assert 2 <= halfway < TO_WRITE, "it was stopped in the middle"

    code, finished = shell.run(tmp_path, "--apply", "deals.csv")
    assert (code, finished["totals"]["done"], finished["totals"]["done before"]) == (0, TO_WRITE - halfway, halfway)
    _, referrals = office.state()
    assert len(referrals) == len(before[1]) + NEW, "each record became one referral"
    assert sorted(row["externalReferenceId"] for row in referrals if row["externalReferenceId"] in new) == sorted(new)
    after = office.state()
    code, again = shell.run(tmp_path)
    assert (code, again["totals"]["dynamics365"]["linked"]) == (0, TO_WRITE)
    assert office.state() == after


def done(office: Office) -> int:
    """How many records say that they are synchronized."""
    rows = office.stage.simulator.rows("opportunity")
    return sum(str(row.get("cosell_syncstatus") or "").startswith("✔") for row in rows)

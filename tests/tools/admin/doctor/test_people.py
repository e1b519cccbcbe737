"""`cosell.py doctor` about people: who signed in, and what waits for somebody."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from shared.alerts import Alerts
from shared.bootstrap import App
from shared.errors import SignInRequired
from shared.ledger.model import Due, DueKind
from shared.partner_center.token_store import SignedIn
from shared.settings import load_settings
from tests.support.stages.admin import DynamicsDesk as Desk
from tests.support.stages.doctor import see, signed_in
from tools.admin.doctor.report import Mark, Owner
from tools.cli import doctor

pytestmark = pytest.mark.slow

# --- who signed in ---------------------------------------------------------------------------------------------------


def test_who_signed_in_and_until_when(desk: Desk) -> None:
    ada = signed_in(desk)
    line = see(desk.settings(PARTNER_CENTER_SIGNED_IN=str(ada))).about("sign-in")
    assert line.mark is Mark.GOOD
    assert line.text.startswith(f"ada@partner.example on {ada.at:%Y-%m-%d}")
    assert f"ends on {ada.at + timedelta(days=90):%Y-%m-%d}" in line.text


def test_a_sign_in_that_is_nearly_over(desk: Desk) -> None:
    old = SignedIn("ada@partner.example", desk.app().clock.now() - timedelta(days=80))
    line = see(desk.settings(PARTNER_CENTER_SIGNED_IN=str(old))).about("sign-in")
    assert (line.mark, line.owner) == (Mark.LOOK, Owner.PARTNER_CENTER)


def test_nobody_has_signed_in(desk: Desk) -> None:
    found = see(desk.settings(PARTNER_CENTER_REFRESH_TOKEN=""))
    assert found.bad == [("sign-in", Owner.PARTNER_CENTER)], "one cause is told once"
    assert "cosell.py sign-in" in found.about("sign-in").remedy


# --- what waits for a person -----------------------------------------------------------------------------------------


def park(desk: Desk, key: str, family: str, reason: str) -> None:
    now = desk.app().clock.now()
    due = Due(DueKind.PARKED, key, now, now, "{}", family=family, reason=reason)
    desk.app().ledger.of("dynamics365").agenda.put(due)


def test_with_deals_set_aside_nothing_is_well(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(6):
        park(desk, f"record-{number}", "data", "the customer's city is missing")
    park(desk, "record-7", "fatal", "no role")
    found = see(desk.settings())
    assert found.bad == [("deals", Owner.CRM), ("deals", Owner.AZURE)]
    data, fatal = [line for line in found if line.subject == "deals"]
    assert data.text.startswith("6 deals are set aside: dynamics365 record-")
    assert data.text.endswith("; and 3 more")
    assert fatal.text == "1 deal is set aside: dynamics365 record-7: no role"
    assert doctor.show(found) == 1
    assert "All checks passed" not in capsys.readouterr().out


def test_deals_that_wait_for_a_service_are_nobodys_fault(desk: Desk) -> None:
    park(desk, "record-1", "retriable", "Partner Center answered 503")
    found = see(desk.settings())
    assert found.bad == []
    assert "tried again by themselves" in found.about("deals").text


def test_a_raised_alert_is_told_with_whoever_it_calls(desk: Desk) -> None:
    alerts = Alerts(desk.app().ledger.drawers, None)
    alerts.alert("poll dynamics365", str(SignInRequired("sign in: `python3 cosell.py sign-in`")))
    alerts.alert("webhook registration", "another system has it")
    found = see(desk.settings())
    assert found.bad == [
        ("alert: poll dynamics365", Owner.PARTNER_CENTER),
        ("alert: webhook registration", Owner.AZURE),
    ]
    alerts.clear("poll dynamics365")
    alerts.clear("webhook registration")


def test_messages_that_ended_as_poison(desk: Desk) -> None:
    settings = desk.settings()
    app = App(load_settings(settings))
    with app.queue_client(f"{app.settings.queue}-poison") as client:
        client.create_queue()
        client.send_message("x")
    found = see(settings)
    assert found.bad == [("given up", Owner.AZURE)]


def test_nobody_is_told_of_alerts(desk: Desk) -> None:
    line = see(desk.settings(ALERT_WEBHOOK_URL="")).about("alert channel")
    assert (line.mark, line.owner) == (Mark.LOOK, Owner.AZURE)


def test_everything_as_data(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    park(desk, "record-1", "data", "no city")
    assert doctor.show_data(see(desk.settings())) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["healthy"] is False
    (deal,) = [each for each in told["findings"] if each["subject"] == "deals"]
    assert (deal["mark"], deal["owner"]) == ("bad", "CRM admin")
    assert deal["remedy"]

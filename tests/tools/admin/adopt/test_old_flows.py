"""Whether Microsoft's connector is still at work, from what it registered and what it wrote."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from shared.errors import AccessDenied
from shared.partner_center.webhooks import Registration
from tests.support.fakes.webhooks import FakeWebhooks
from tests.support.fakes.world import World
from tests.tools.admin.adopt.town import Town
from tools.admin.adopt.old_flows import audit_notes, newest_line, registration_notes

TODAY = date(2026, 3, 2)
SUCCESS = "Partner Center Referral to CRM sync success."


@pytest.mark.parametrize(
    ("text", "day"),
    [
        (f"2025-01-02 10:11:12 {SUCCESS}", date(2025, 1, 2)),
        (f"12/2/2021 1:15:30 AM {SUCCESS}", date(2021, 12, 2)),
        (f"25.12.2025 01:15 {SUCCESS}", date(2025, 12, 25)),
        (f"05/02/2026 01:15 {SUCCESS}", date(2026, 2, 5)),
        (f"03/01/2026 01:15 {SUCCESS}", date(2026, 3, 1)),
        (f"x\n2025-01-02T10:11:12Z - {SUCCESS}\n2025-02-03 CRM to Partner Center sync failed\n", date(2025, 2, 3)),
        (f"2025-99-99 {SUCCESS}", None),
        ("2026-03-01 09:00:00 UTC  Partner Center ⇄ CRM  linked", None),
        ("mine", None),
        ("", None),
    ],
)
def test_the_day_of_the_connectors_newest_line_is_found(text: str, day: date | None) -> None:
    assert newest_line(text, TODAY) == day


@pytest.mark.parametrize(("days", "told"), [(3, 1), (13, 1), (20, 0)])
def test_young_lines_say_that_the_flows_are_on(days: int, told: int) -> None:
    town = Town(World())
    written = (town.world.clock.now() - timedelta(days=days)).date()
    old, _ = town.pair(cosell_audit="2020-01-01 sync success")
    young, _ = town.pair(cosell_audit=f"{written} 10:00 {SUCCESS}")
    notes = list(audit_notes(town.world.task, [old, young]))
    assert len(notes) == told
    assert all(str(written) in each for each in notes)


def test_a_registration_of_power_automate_is_named_without_its_secret() -> None:
    webhooks = FakeWebhooks()
    webhooks.current = Registration(
        "https://prod-42.westeurope.logic.azure.com/w/invoke?sig=secret", ("referral-created",)
    )
    (note,) = registration_notes(webhooks)
    assert "prod-42.westeurope.logic.azure.com" in note
    assert "register --overwrite" in note
    assert "secret" not in note


def test_this_apps_registration_is_no_matter_and_none_is() -> None:
    webhooks = FakeWebhooks()
    webhooks.current = Registration("https://app.azurewebsites.net/api/WebhookReceiver?code=k", ("referral-created",))
    assert list(registration_notes(webhooks)) == []
    webhooks.current = None
    (note,) = registration_notes(webhooks)
    assert "nowhere" in note


def test_a_registration_that_may_not_be_asked_for_stops_nothing() -> None:
    class Closed(FakeWebhooks):
        def registration(self) -> Registration | None:
            raise AccessDenied("no role")

    (note,) = registration_notes(Closed())
    assert "could not be asked (AccessDenied): no role" in note

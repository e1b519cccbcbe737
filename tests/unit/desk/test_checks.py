"""The checks of StatusPage: what stands how, since when that is known, and what to do; no look calls a vendor."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.checkup import LAST_ROUND, Degree, Finding, Round, Seen
from shared.errors import AccessDenied, ServiceUnavailable
from shared.freshness import Direction
from shared.partner_center.findings import sign_in, trust
from shared.partner_center.token_store import KeptToken
from shared.partner_center.webhooks import Registration
from shared.webhook.registration_request import DEFAULT_EVENTS
from shared.webhook.rounds import Rounds
from tests.simulation.deals import shared
from tests.support.desks import RECEIVER, Visitor, reconciled
from tests.support.fakes.clock import START
from tests.support.fakes.world import World

WELL = Finding(
    "sign-in", Degree.OK, "signed_in", {"user": "ada@partner.example", "at": "2026-03-01", "ends": "2026-06-01"}
)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def visitor(world: World) -> Visitor:
    return Visitor(world)


def row(visitor: Visitor, name: str) -> dict[str, Any]:
    (found,) = [each for each in visitor.data()["checks"] if each["name"] == name]
    return dict(found)


def check(visitor: Visitor, name: str) -> tuple[str, str]:
    found = row(visitor, name)
    return found["state"], found["detail"]


# --- schedules and the queue -----------------------------------------------------------------------------------------


def test_polls_that_stopped_are_told_and_events_that_came(world: World, visitor: Visitor) -> None:
    referral_id, _ = shared(world)
    state, detail = check(visitor, "polls of dynamics365")
    assert (state, detail[:27]) == ("ok", "asked for changes last at 2")
    assert check(visitor, "events")[1] == "the last event of Partner Center came at 2026-03-02 09:00 UTC"
    world.clock.advance(timedelta(minutes=14))
    assert check(visitor, "polls of dynamics365")[0] == "ok"
    world.clock.advance(timedelta(minutes=8))
    state, detail = check(visitor, "polls of dynamics365")
    assert (state, "CrmPoller does not run" in detail) == ("attention", True)
    world.partner_center.edit(referral_id, {"/details/dealValue": 7})
    world.settle()
    world.clock.advance(timedelta(minutes=6))
    world.settle()
    assert check(visitor, "polls of dynamics365")[0] == "ok"
    assert check(visitor, "events")[1] == "the last event of Partner Center came at 2026-03-02 09:22 UTC"


def test_sweeps_that_stopped_are_told(world: World, visitor: Visitor) -> None:
    assert check(visitor, "sweeps of dynamics365") == (
        "attention",
        "not looked for missed events yet: Reconciler has not run",
    )
    reconciled(world)
    assert check(visitor, "sweeps of dynamics365") == ("ok", "looked for missed events last at 2026-03-02 09:00 UTC")
    world.clock.advance(timedelta(minutes=29))
    assert check(visitor, "sweeps of dynamics365")[0] == "ok"
    world.clock.advance(timedelta(minutes=2))
    found = row(visitor, "sweeps of dynamics365")
    assert (found["state"], found["who"]) == ("attention", "Azure admin")
    assert "since 2026-03-02 09:00 UTC: Reconciler does not run" in found["detail"]
    assert found["remedy"].startswith("See that Reconciler is enabled")


def test_a_sweep_that_fails_is_late_though_the_reconciler_runs(world: World, visitor: Visitor) -> None:
    reconciled(world)
    world.tape.fail(ServiceUnavailable("answered 503"), "partner_center", "changed_since", times=None)
    for _ in range(4):
        world.clock.advance(timedelta(minutes=10))
        world.reconcile()
    assert check(visitor, "sweeps of dynamics365")[0] == "attention"


def test_rounds_an_hour_apart_are_no_standstill(world: World, visitor: Visitor) -> None:
    reconciled(world)
    for _ in range(2):
        world.clock.advance(timedelta(hours=1))
        world.reconcile()
    world.clock.advance(timedelta(minutes=70))
    assert check(visitor, "sweeps of dynamics365")[0] == "ok"


def test_a_standstill_is_no_rhythm(world: World, visitor: Visitor) -> None:
    reconciled(world)
    for minutes in (10, 3 * 24 * 60, 10):
        world.clock.advance(timedelta(minutes=minutes))
        world.reconcile()
    world.clock.advance(timedelta(minutes=45))
    assert check(visitor, "sweeps of dynamics365")[0] == "attention"


def test_a_message_that_nobody_takes_is_told(world: World, visitor: Visitor) -> None:
    world.queue.send("{}")
    world.clock.advance(timedelta(minutes=29))
    assert check(visitor, "queue") == ("ok", "messages waiting: about 1")
    world.clock.advance(timedelta(minutes=2))
    found = row(visitor, "queue")
    assert (found["state"], "since 2026-03-02 09:00 UTC" in found["detail"]) == ("attention", True)
    assert found["remedy"].startswith("See that SyncWorker is enabled")


def test_a_message_that_is_not_to_be_taken_yet_is_none(world: World, visitor: Visitor) -> None:
    world.queue.send("{}", delay=7200)
    world.clock.advance(timedelta(minutes=60))
    assert check(visitor, "queue")[0] == "ok"


# --- what the Reconciler saw -----------------------------------------------------------------------------------------


def test_the_registration_is_told_as_the_watchdog_saw_it_with_its_moment_and_without_a_call(
    world: World, visitor: Visitor
) -> None:
    reconciled(world)
    looks = world.webhooks.looks
    assert row(visitor, "webhook") == {
        "name": "webhook",
        "state": "ok",
        "detail": "events go to https://fn.example/api/WebhookReceiver?code=*** (seen at 2026-03-02 09:00 UTC)",
        "remedy": "",
        "who": "",
    }
    visitor.page()
    assert world.webhooks.looks == looks


@pytest.mark.parametrize(
    ("found", "details", "remedy"),
    [
        (None, ["nothing is registered"], "Open RegisterWebhook"),
        (Registration(f"{RECEIVER}-of-old", DEFAULT_EVENTS), ["with another key"], "register --overwrite"),
        (
            Registration("https://flow.example/run", DEFAULT_EVENTS),
            ["https://flow.example/run, not to"],
            "Decide which",
        ),
        (
            Registration(RECEIVER, DEFAULT_EVENTS[:1]),
            ["events go to", "not registered: referral-updated"],
            "--overwrite",
        ),
    ],
)
def test_what_is_wrong_with_the_registration_has_its_remedy(
    world: World, visitor: Visitor, found: Registration | None, details: list[str], remedy: str
) -> None:
    reconciled(world)
    world.webhooks.current = found
    world.reconcile()
    rows = [each for each in visitor.data()["checks"] if each["name"] == "webhook"]
    assert [text in each["detail"] for text, each in zip(details, rows, strict=True)] == [True] * len(details)
    assert rows[-1]["state"] == "attention"
    assert remedy in rows[-1]["remedy"]
    assert f"{rows[-1]['remedy']} (Azure admin)" in visitor.page().text


def test_without_anything_to_compare_with_the_page_says_that_nobody_looks(world: World, visitor: Visitor) -> None:
    world.rounds = Rounds(world.taped.drawers, world.clock, list, lambda: None)
    world.reconcile()
    found = row(visitor, "webhook")
    assert (found["state"], "neither WEBHOOK_PUBLIC_URL" in found["detail"]) == ("attention", True)


def test_what_could_not_be_looked_at_keeps_its_moment(world: World, visitor: Visitor) -> None:
    reconciled(world, WELL)
    world.webhooks.failure = AccessDenied("no role")
    world.clock.advance(timedelta(minutes=30))
    world.reconcile()
    assert check(visitor, "webhook")[1].endswith("(seen at 2026-03-02 09:00 UTC)")
    assert check(visitor, "sign-in")[1] == (
        "ada@partner.example on 2026-03-01; the app renews the token daily, and if it stands still it ends on "
        "2026-06-01 (seen at 2026-03-02 09:00 UTC)"
    )
    assert check(visitor, "sweeps of dynamics365")[1].endswith("09:30 UTC")


def test_the_sign_in_is_looked_at_once_an_hour(world: World) -> None:
    looks = list[int]()

    def look() -> list[Finding]:
        looks.append(1)
        return [WELL]

    world.rounds = Rounds(world.taped.drawers, world.clock, look, lambda: None)
    for _ in range(13):
        world.reconcile()
        world.clock.advance(timedelta(minutes=10))
    assert len(looks) == 3


def test_a_sign_in_that_cannot_be_read_alerts_and_hides_nothing_else(world: World, visitor: Visitor) -> None:
    def look() -> list[Finding]:
        raise AccessDenied("the vault refuses the app")

    world.rounds = Rounds(world.taped.drawers, world.clock, look, lambda: None)
    world.reconcile()
    assert check(visitor, "look at the sign-in") == ("attention", "the vault refuses the app")
    assert check(visitor, "sweeps of dynamics365")[0] == "ok"


def test_a_finding_of_another_versions_is_left_out(world: World, visitor: Visitor) -> None:
    strange = Seen(Finding("moon", Degree.LOOK, "phase_of_the_moon"), START)
    drawers = world.ledger.drawers
    drawers.replace(LAST_ROUND, Round((strange, Seen(WELL, START))), drawers.read(LAST_ROUND))
    assert {"moon", "sign-in"} & {each["name"] for each in visitor.data()["checks"]} == {"sign-in"}


# --- what the CRM's user may do --------------------------------------------------------------------------------------


def test_what_the_apps_user_was_allowed_is_told_until_it_is_refused(world: World, visitor: Visitor) -> None:
    shared(world)
    name = "sign-in of dynamics365"
    assert check(visitor, name) == (
        "ok",
        "signed in and read at 2026-03-02 09:00 UTC; nothing was written in the last day",
    )
    world.freshness.note("dynamics365", Direction.TO_CRM, timedelta(seconds=1))
    world.clock.advance(timedelta(minutes=6))
    world.poll()
    assert check(visitor, name)[1] == (
        "signed in and read at 2026-03-02 09:06 UTC; written last in the hour from 2026-03-02 09:00 UTC"
    )
    world.alerts.alert("poll dynamics365", "the app's user may not read opportunities")
    assert name not in [each["name"] for each in visitor.data()["checks"]]
    found = row(visitor, "poll dynamics365")
    assert (found["state"], found["remedy"]) == ("down", "Do what the alert says; it clears by itself afterwards.")


def test_an_alert_that_wants_a_sign_in_is_the_service_users(world: World, visitor: Visitor) -> None:
    world.alerts.alert("sweep dynamics365", "sign in: `python3 cosell.py sign-in`")
    assert row(visitor, "sweep dynamics365")["who"] == "Partner Center admin"


def test_a_dry_run_is_told(visitor: Visitor, world: World) -> None:
    world.configure(dry_run=True)
    assert check(visitor, "dry run") == ("attention", "DRY_RUN is on: nothing is written to either side")


# --- the sign-in, judged ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kept", "degree", "key"),
    [
        (KeptToken(""), Degree.DOWN, "signed_out"),
        (KeptToken("t"), Degree.NOTE, "signed_in_by_hand"),
        (KeptToken("t", START), Degree.OK, "signed_in_unnoted"),
        (KeptToken("t", START - timedelta(days=77)), Degree.LOOK, "signed_in_unnoted"),
        (KeptToken("t", START - timedelta(days=90)), Degree.DOWN, "signed_in_unnoted_over"),
    ],
)
def test_a_sign_in_is_judged_by_when_it_ends(kept: KeptToken, degree: Degree, key: str) -> None:
    found = sign_in(kept, START)
    assert (found.degree, found.key) == (degree, key)


def test_a_bundle_without_roots_vouches_for_nothing() -> None:
    assert [(each.degree, each.key) for each in trust([], START, fetched=True)] == [(Degree.WRONG, "no_roots")]

"""StatusPage at a glance: what the JSON says, and that the page says the same."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from shared import VERSION
from shared.errors import AccessDenied, ServiceUnavailable
from shared.freshness import Direction
from shared.lifecycle import Stage
from shared.link import Link
from shared.status import Status, StatusKind
from tests.simulation.deals import invited, shared
from tests.support.desks import Visitor, reconciled
from tests.support.fakes.world import World
from tests.support.reader import Reader

ATTENTION = Status(StatusKind.ATTENTION, "✖ Enter the estimated value.")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def visitor(world: World) -> Visitor:
    return Visitor(world)


def test_the_release_is_the_projects() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_nothing_is_there_yet(world: World, visitor: Visitor) -> None:
    answer = visitor.data()
    assert list(answer) == [
        "time",
        "version",
        "health",
        "checks",
        "crms",
        "parked",
        "attention",
        "deadlines",
        "held",
        "recent",
    ]
    assert answer["health"] == "attention"
    never = {"name": "polls of dynamics365", "state": "attention"}
    assert never.items() <= answer["checks"][2].items()
    assert answer["crms"] == {
        "dynamics365": {
            "linked": 0,
            "differing": 0,
            "paused": 0,
            "orphaned": 0,
            "parked": 0,
            "cursor_at": None,
            "mapping_version": None,
            "polled_at": None,
            "freshness": {"to_crm": None, "to_partner_center": None},
        }
    }
    assert [answer[name] for name in ("parked", "attention", "deadlines", "held", "recent")] == [[]] * 5
    world.settle()
    reconciled(world)
    assert visitor.data()["health"] == "ok"
    page = visitor.page()
    for sentence in (
        "✔ Everything works",
        "No change of the last day was carried over yet.",
        "No deal is set aside.",
        "No deal needs anybody.",
        "Nothing is due.",
    ):
        assert sentence in page.text


def test_linked_paused_and_parked_deals_are_counted(world: World, visitor: Visitor) -> None:
    shared(world)
    _, paused = shared(world)
    world.crm.edit(paused, cosell_syncwithpartnercenter=False)
    world.crm.add_deal(cosell_products=None)
    world.settle()
    world.reconcile()
    answer = visitor.data()
    counted = answer["crms"]["dynamics365"]
    assert (counted["linked"], counted["paused"], counted["parked"]) == (1, 1, 1)
    assert counted["mapping_version"] == world.task.field_map.version
    assert counted["cursor_at"]
    told = [each["name"] for each in answer["checks"]]
    assert told == [
        *("queue", "given up", "polls of dynamics365", "sweeps of dynamics365", "sign-in of dynamics365", "events")
    ]


def test_a_parked_deal_says_what_is_wrong_and_what_to_do(world: World, visitor: Visitor) -> None:
    record_id = world.crm.add_deal(cosell_products=None)
    world.settle()
    (parked,) = visitor.data()["parked"]
    assert (parked["crm"], parked["referral_id"], parked["record_id"]) == ("dynamics365", None, record_id)
    assert (parked["family"], parked["attempts"]) == ("data", 1)
    (problem,) = parked["problems"]
    assert problem == {
        "code": "deal.solutions_missing",
        "field": "solutions",
        "rule": "Partner Center requires a solution",
        "remedy": "Enter at least one solution ID from Partner Center in Products.",
    }
    assert visitor.data()["health"] == "attention"
    page = visitor.page()
    assert "Products: Partner Center requires a solution. Enter at least one solution ID" in page.text
    assert f"?code=CANARY-PAGE&deal={record_id}&crm=dynamics365" in [link["href"] for link in page.all("a")]


def test_a_deal_that_differs_is_listed_with_its_status_and_its_name(world: World, visitor: Visitor) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.close(referral_id, "Won")
    world.settle()
    world.crm.reopen(record_id)
    world.settle()
    (row,) = visitor.data()["attention"]
    assert (row["referral_id"], row["record_id"]) == (referral_id, record_id)
    assert row["status"]["kind"] == "differs"
    assert row["status"]["text"] == world.crm.row(record_id)["cosell_syncstatus"]
    assert str(world.crm.row(record_id)["name"]) in visitor.page().text


def test_an_administrators_trouble_holds_everything_up(world: World, visitor: Visitor) -> None:
    shared(world)
    world.tape.fail(AccessDenied("the app has no role"), "partner_center", "update", times=None)
    world.crm.edit(world.record_id(), estimatedvalue=5)
    world.settle()
    answer = visitor.data()
    assert answer["health"] == "down"
    assert any(check["state"] == "down" and "the app has no role" in check["detail"] for check in answer["checks"])


def test_a_message_that_was_given_up_is_told(world: World, visitor: Visitor) -> None:
    world.queue.poisoned.append("{}")
    (check,) = [each for each in visitor.data()["checks"] if each["name"] == "given up"]
    assert (check["state"], visitor.data()["health"]) == ("attention", "attention")


def test_how_long_changes_took_is_shown_by_their_way(world: World, visitor: Visitor) -> None:
    shared(world)
    for seconds in (1, 1, 1, 100):
        world.freshness.note("dynamics365", Direction.TO_CRM, timedelta(seconds=seconds))
    world.clock.advance(timedelta(minutes=6))
    world.freshness.polled("dynamics365")
    day = visitor.data()["crms"]["dynamics365"]["freshness"]["to_crm"]
    assert (day["changes"], day["p50"] <= 1, 90 < day["p95"] <= 120) == (4, True, True)
    shown = f"From Partner Center to Dynamics 365 4 {day['p50']:g} s {day['p95']:g} s"
    assert shown in visitor.page().text


def test_a_close_in_its_window_is_a_deadline() -> None:
    world = World(close_delay=timedelta(minutes=5))
    referral_id, record_id = shared(world)
    world.crm.close(record_id, Stage.WON)
    world.poll()
    world.pump()
    (row,) = Visitor(world).data()["deadlines"]
    assert (row["referral_id"] or referral_id, row["record_id"], row["kind"]) == (referral_id, record_id, "undo")


def test_the_newest_audit_comes_first(world: World, visitor: Visitor) -> None:
    first, _ = shared(world)
    world.clock.advance(timedelta(minutes=1))
    second, record_id = shared(world)
    newest, *_, oldest = visitor.data()["recent"]
    assert (newest["referral_id"], newest["record_id"], oldest["referral_id"]) == (second, record_id, first)


@pytest.mark.parametrize("standing", ["paused", "all", "differs"])
def test_deals_are_filtered_by_how_they_stand(world: World, visitor: Visitor, standing: str) -> None:
    shared(world)
    paused, record_id = shared(world)
    world.crm.edit(record_id, cosell_syncwithpartnercenter=False)
    world.settle()
    found = [row["referral_id"] for row in visitor.data(standing=standing)["attention"]]
    everything = sorted(link.referral_id for link in world.links())
    assert found == {"paused": [paused], "all": everything, "differs": []}[standing]


def test_a_long_list_goes_on_at_the_next_page(world: World, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.desk.overview.PAGE", 2)
    monkeypatch.setattr("shared.desk.pages.view.PAGE", 2)
    for _ in range(3):
        invited(world)
    first = [row["referral_id"] for row in visitor.data(standing="all")["attention"]]
    second = [row["referral_id"] for row in visitor.data(standing="all", after=first[-1])["attention"]]
    assert first + second == sorted(link.referral_id for link in world.links())
    links = [link["href"] or "" for link in visitor.page(standing="all").all("a")]
    assert f"?code=CANARY-PAGE&crm=dynamics365&standing=all&after={first[-1]}" in links


@pytest.mark.parametrize("params", [{"standing": "broken"}, {"crm": "sap"}])
def test_a_wrong_filter_is_named(visitor: Visitor, params: dict[str, str]) -> None:
    reply = visitor.visit("GET", "application/json", params)
    assert reply.status == 400
    assert f"{next(iter(params))}: must be one of" in reply.body


def test_looking_costs_the_same_with_a_thousand_links_and_with_a_hundred_thousand(
    world: World, visitor: Visitor
) -> None:
    links, calls = world.ledger.of("dynamics365").links, []
    for first, last in ((0, 1_000), (1_000, 100_000)):
        for number in range(first, last):
            links.commit(Link("dynamics365", f"{number:06d}", None, status=ATTENTION if number < 200 else None), [])
        before = len(world.tape.steps)
        assert visitor.data()["crms"]["dynamics365"]["linked"] == last
        assert len(visitor.data(standing="all")["attention"]) == 50
        visitor.page()
        calls.append(len(world.tape.steps) - before)
    assert calls[0] == calls[1]


def test_a_ledger_that_does_not_answer_is_told(world: World, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> object:
        raise ServiceUnavailable("Table Storage does not answer")

    monkeypatch.setattr(world.ledger.of("dynamics365").survey, "counts", down)
    reply = visitor.visit("GET", "text/html", {})
    assert reply.status == 503
    assert "Table Storage does not answer" in Reader(reply).text

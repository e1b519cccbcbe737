"""The actions of StatusPage: who may ask for them, what is refused, and that each is noted with who ordered it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from shared.desk.actions import ACTIONS
from shared.link import LinkState
from shared.mapping.loading import load_mapping
from shared.sync import mass_change
from tests.simulation.deals import shared
from tests.support.desks import FORM, Visitor
from tests.support.fakes.world import World
from tests.support.reader import Reader

NOBODYS = "0f6f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def visitor(world: World) -> Visitor:
    return Visitor(world)


def texts(world: World, key: str) -> list[str]:
    return [entry.text for entry in world.audit_of(key)]


@pytest.mark.parametrize("action", ["retry", "pause", "unlink"])
def test_an_action_is_accepted_noted_and_one_message(world: World, visitor: Visitor, action: str) -> None:
    referral_id, _ = shared(world)
    status, answer = visitor.order({"action": action, "deal": referral_id})
    assert status == 202
    assert (answer["action"], answer["deal"], answer["crm"]) == (action, referral_id, "dynamics365")
    assert answer["will"]
    assert len(world.queue.messages) == 1
    assert texts(world, referral_id)[0] == f"{action}: ordered by function key"
    assert json.loads(world.queue.messages[0].text)["crm"] == "dynamics365"


def test_a_form_is_answered_with_its_page_and_what_will_happen(world: World, visitor: Visitor) -> None:
    referral_id, _ = shared(world)
    reply = visitor.submit({"action": "retry", "deal": referral_id})
    assert reply.status == 202
    assert "Both sides are read, and the deal is brought into agreement within seconds." in Reader(reply).text
    assert visitor.submit({"action": "resume", "deal": referral_id}).status == 409


def test_a_deals_page_offers_what_it_allows(world: World, visitor: Visitor) -> None:
    referral_id, _ = shared(world)

    def offered() -> list[str | None]:
        fields = visitor.page(deal=referral_id).all("input")
        return [field["value"] for field in fields if field.get("name") == "action"]

    assert offered() == ["retry", "pause", "unlink"]
    visitor.order({"action": "pause", "deal": referral_id})
    world.settle()
    assert offered() == ["resume", "unlink"]
    visitor.order({"action": "unlink", "deal": referral_id})
    world.settle()
    assert offered() == ["share_again"]


def test_a_referral_and_a_record_are_linked_by_the_form(world: World, visitor: Visitor) -> None:
    referral_id, record_id = shared(world)
    visitor.order({"action": "unlink", "deal": referral_id})
    world.settle()
    page = visitor.page()
    assert (page.by_id("link-deal")["name"], page.by_id("link-record")["name"]) == ("deal", "record")
    reply = visitor.submit({"action": "link", "deal": referral_id.upper(), "record": record_id, "crm": "dynamics365"})
    assert reply.status == 202
    world.settle()
    assert world.link().state is LinkState.LINKED


def test_what_is_another_deals_is_not_linked(world: World, visitor: Visitor) -> None:
    referral_id, record_id = shared(world)
    for deal, record in ((NOBODYS, record_id), (referral_id, "another record")):
        reply = visitor.submit({"action": "link", "deal": deal, "record": record, "crm": "dynamics365"})
        assert reply.status == 409, (deal, record)
    assert world.queue.messages == []


def test_a_refused_link_keeps_what_was_typed(visitor: Visitor) -> None:
    reply = visitor.submit({"action": "link", "deal": "no guid <b>", "record": "c1", "crm": "dynamics365"})
    assert reply.status == 400
    page = Reader(reply)
    assert "deal: must be the id of a referral, a GUID." in page.text
    assert page.by_id("link-deal")["value"] == "no guid <b>"
    assert page.by_id("link-record")["value"] == "c1"
    assert "open" in page.all("details")[0]


def test_what_may_be_linked_is_asked_where_there_is_more_than_one(
    world: World, visitor: Visitor, tmp_path: Path
) -> None:
    (tmp_path / "dynamics365.yaml").write_text("overlay: true\nversion: x\nleads: off\n", encoding="utf-8")
    world.configure(field_map=load_mapping("dynamics365", tmp_path))
    assert visitor.page().all("select") == []
    world.configure(field_map=load_mapping("dynamics365"))
    (table,) = visitor.page().all("select")
    assert table["name"] == "table"
    assert [each["value"] for each in visitor.page().all("option")] == ["", "lead"]


# --- misuse ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    "headers",
    [{"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}, {"origin": "https://evil.example"}],
)
def test_another_sites_page_cannot_act(world: World, visitor: Visitor, action: str, headers: dict[str, str]) -> None:
    referral_id, record_id = shared(world)
    fields = {"action": action, "deal": referral_id, "held": "dynamics365-close", "record": record_id}
    before = len(texts(world, referral_id))
    for kind, body in (
        (FORM, urlencode(fields).encode()),
        ("text/plain", json.dumps(fields).encode()),
    ):
        assert visitor.visit("POST", "text/html", {}, body, content_type=kind, **headers).status == 403
    assert world.queue.messages == []
    assert len(texts(world, referral_id)) == before


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(visitor: Visitor, method: str) -> None:
    assert visitor.visit(method, "application/json", {}).status == 405


def test_looking_never_acts(world: World, visitor: Visitor) -> None:
    referral_id, _ = shared(world)
    visitor.data(deal=referral_id, action="unlink", look="now")
    assert world.queue.messages == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, "action: must be one of"),
        ({"action": "drop table", "deal": "x"}, "action: must be one of"),
        ({"action": "retry"}, "deal: is missing"),
        ({"action": "retry", "deal": ["x"]}, "deal: must be a text"),
        ({"action": "retry", "deal": "x" * 201}, "deal: must be a text"),
        ({"action": "release"}, "held: is missing"),
        ({"action": "link", "deal": "x"}, "record: is missing"),
        ({"action": "link", "deal": "no guid", "record": "c1"}, "deal: must be the id of a referral"),
        (
            {"action": "link", "deal": NOBODYS, "record": "c1", "table": "account"},
            "table:",
        ),
        ({"action": "retry", "deal": "x", "crm": "sap"}, "crm: must be one of"),
        ([], "must be a JSON object"),
        ("{", "must be a JSON object"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(visitor: Visitor, content: Any, problem: str) -> None:
    status, answer = visitor.order(content)
    assert status == 400
    assert any(problem in each for each in answer["problems"]), answer


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 9000, b"x" * 20_000])
def test_any_bytes_are_refused_in_words(visitor: Visitor, body: bytes) -> None:
    for kind in (FORM, "application/json"):
        reply = visitor.visit("POST", "application/json", {}, body, content_type=kind)
        assert reply.status == 400


@pytest.mark.parametrize("action", ["retry", "pause", "resume", "unlink", "share_again"])
def test_an_unknown_deal_is_not_found(visitor: Visitor, action: str) -> None:
    assert visitor.order({"action": action, "deal": NOBODYS})[0] == 404


# --- who -------------------------------------------------------------------------------------------------------------


def test_who_is_signed_in_is_noted_where_the_platform_vouches_for_it(
    world: World, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    referral_id, _ = shared(world)
    claimed = {"x_ms_client_principal_name": "jane@contoso.example"}
    visitor.order({"action": "retry", "deal": referral_id}, **claimed)
    assert texts(world, referral_id)[0] == "retry: ordered by function key", "anybody can send a header"
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    world.clock.advance(timedelta(seconds=1))
    visitor.order({"action": "retry", "deal": referral_id}, **claimed)
    assert texts(world, referral_id)[0] == "retry: ordered by jane@contoso.example"


# --- held work -------------------------------------------------------------------------------------------------------


def held(world: World) -> list[str]:
    """More deals switched off at once than the guard lets pass."""
    records = [shared(world)[1] for _ in range(30)]
    for record_id in records:
        world.crm.edit(record_id, cosell_syncwithpartnercenter=False)
    world.settle()
    return records


def test_held_work_is_listed_released_and_noted(world: World, visitor: Visitor) -> None:
    held(world)
    (group,) = visitor.data()["held"]
    assert (group["id"], group["what"], group["crm"]) == ("dynamics365-switch-off", "switch off", "dynamics365")
    assert group["count"] == len(mass_change.held(world.task))
    assert "Release" in visitor.page().text
    status, answer = visitor.order({"action": "release", "held": group["id"]})
    assert (status, answer["count"]) == (202, group["count"])
    assert world.alerts.raised() == {}
    world.settle()
    assert visitor.data()["held"] == []
    assert visitor.data()["crms"]["dynamics365"]["paused"] == 30
    assert texts(world, "held:switch off") == ["release switch off: ordered by function key"]
    assert visitor.order({"action": "release", "held": group["id"]})[0] == 409
    assert visitor.order({"action": "release", "held": "dynamics365-everything"})[0] == 404


def test_dropped_work_does_not_happen(world: World, visitor: Visitor) -> None:
    held(world)
    (group,) = visitor.data()["held"]
    status, answer = visitor.order({"action": "release", "held": group["id"], "drop": True})
    assert (status, answer["count"]) == (202, group["count"])
    world.settle()
    assert visitor.data()["crms"]["dynamics365"]["paused"] == 30 - group["count"]

"""StatusPage about one deal: every field is explained, and looking writes nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import ServiceUnavailable
from shared.lifecycle import Stage
from shared.microsoft import MicrosoftsHalf
from tests.simulation.deals import HELP, shared
from tests.support.desks import Visitor
from tests.support.fakes.world import World
from tests.support.reader import Reader

VALUE = "/details/dealValue"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def visitor(world: World) -> Visitor:
    return Visitor(world)


def field(answer: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in answer["fields"] if each["name"] == name]
    return dict(found)


def writes(world: World, since: int) -> set[str]:
    return {name for name in world.calls(since) if not name.endswith(("read", "find", "engagement", "related"))}


def test_a_deal_in_agreement(world: World, visitor: Visitor) -> None:
    referral_id, record_id = shared(world, estimatedvalue=1000)
    answer = visitor.data(deal=referral_id)
    assert list(answer) == [
        "link",
        "status",
        "fields",
        "microsoft",
        "registration",
        "audit",
        "problems",
        "next",
        "notes",
    ]
    assert (answer["link"]["referral_id"], answer["link"]["record_id"]) == (referral_id, record_id)
    assert (answer["link"]["state"], answer["link"]["standing"]) == ("linked", "synchronized")
    assert answer["status"]["text"] == world.crm.row(record_id)["cosell_syncstatus"]
    value = {"name": "deal_value", "referral": "1000", "record": "1000", "base": "1000", "state": "equal"}
    assert field(answer, "deal_value") == {**value, "reason": "both sides agree", "since": None}
    assert answer["next"] == "Nothing to do: the next change on either side is carried over."
    assert answer["problems"] == []
    assert len(answer["audit"]) == len(world.audit_of(referral_id))


@pytest.mark.parametrize("spelled", [str.upper, str, lambda name: f"  {name} "])
@pytest.mark.parametrize("side", [0, 1])
def test_a_deal_is_found_by_either_side(world: World, visitor: Visitor, side: int, spelled: Any) -> None:
    ids = shared(world)
    name = spelled(ids[side]) if side == 0 else ids[side]
    assert visitor.data(deal=name)["link"]["record_id"] == ids[1]


def test_a_field_that_differs_shows_both_values_why_and_since_when(world: World, visitor: Visitor) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, cosell_howcanmicrosofthelp=HELP)
    world.settle()
    world.partner_center.close(referral_id, "Won")
    world.settle()
    world.crm.reopen(record_id)
    world.settle()
    since = visitor.data(deal=referral_id)
    status = field(since, "status")
    assert (status["referral"], status["record"], status["state"]) == ("won", "active", "differs")
    assert status["reason"]
    world.clock.advance(timedelta(days=2))
    world.crm.edit(record_id, estimatedvalue=77)
    world.settle()
    assert field(visitor.data(deal=referral_id), "status")["since"] == status["since"]
    page = visitor.page(deal=referral_id)
    assert "◐ differs" in page.text
    assert since["next"] in page.text


def test_looking_now_reads_both_sides_and_writes_nothing(world: World, visitor: Visitor) -> None:
    referral_id, record_id = shared(world, estimatedvalue=1000)
    world.crm.edit(record_id, estimatedvalue=2000)
    assert field(visitor.data(deal=referral_id), "deal_value")["record"] == "1000"
    start, row, commits = world.mark(), dict(world.crm.row(record_id)), world.commits
    value = field(visitor.data(deal=referral_id, look="now"), "deal_value")
    assert (value["referral"], value["record"], value["base"]) == ("1000", "2000", "1000")
    assert (value["state"], value["reason"]) == ("differs", "changed in the CRM")
    assert writes(world, start) == set()
    assert (world.crm.row(record_id), world.commits) == (row, commits)


def test_a_paused_deal_is_looked_at_all_the_same(world: World, visitor: Visitor) -> None:
    referral_id, record_id = shared(world, estimatedvalue=1000)
    world.crm.edit(record_id, cosell_syncwithpartnercenter=False, estimatedvalue=3000)
    world.settle()
    answer = visitor.data(deal=record_id, look="now")
    assert answer["link"]["state"] == "paused"
    assert "until Sync with Partner Center is switched on again" in answer["next"]
    assert field(answer, "deal_value")["record"] == "3000"
    assert field(answer, "deal_value")["referral"] == "1000"
    assert referral_id == answer["link"]["referral_id"]


def test_a_side_that_does_not_answer_is_told(world: World, visitor: Visitor) -> None:
    referral_id, _ = shared(world)
    world.tape.fail(ServiceUnavailable("Partner Center answered 503"), "partner_center", "read")
    reply = visitor.visit("GET", "text/html", {"deal": referral_id, "look": "now"})
    assert reply.status == 503
    assert "Partner Center answered 503" in Reader(reply).text


def test_a_deal_that_was_never_linked_is_found_by_its_record(world: World, visitor: Visitor) -> None:
    record_id = world.crm.add_deal(cosell_products=None)
    world.settle()
    answer = visitor.data(deal=record_id)
    assert answer["link"]["state"] == "parked"
    assert answer["link"]["referral_id"] is None
    assert [each["code"] for each in answer["problems"]] == ["deal.solutions_missing"]
    assert answer["next"].startswith("Enter at least one solution ID from Partner Center in Products. (seller)")
    assert any("solution" in each["text"] for each in answer["audit"])
    assert "Enter at least one solution ID" in visitor.page(deal=record_id).text


def test_a_close_in_its_window_is_what_comes_next() -> None:
    world = World(close_delay=timedelta(minutes=5))
    referral_id, record_id = shared(world)
    world.crm.close(record_id, Stage.WON)
    world.poll()
    world.pump()
    assert Visitor(world).data(deal=referral_id)["next"].startswith("Won goes to Partner Center at ")


def test_microsofts_half_is_shown(world: World, visitor: Visitor) -> None:
    referral_id, _ = shared(world)
    half = MicrosoftsHalf("m1", Stage.DECLINED, "No seller for the account")
    world.ledger.of("dynamics365").links.commit(replace(world.link(), microsoft=half), [])
    answer = visitor.data(deal=referral_id)
    assert (answer["microsoft"]["referral_id"], answer["microsoft"]["status"]) == ("m1", half.status)
    assert "Declined (No seller for the account)" in visitor.page(deal=referral_id).text


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_an_unknown_deal_is_not_found(visitor: Visitor, accept: str) -> None:
    reply = visitor.visit("GET", accept, {"deal": "<script>alert(1)</script>"})
    assert reply.status == 404
    assert "No deal is known under" in reply.body
    if accept == "text/html":
        assert "<script>" not in reply.body


def test_the_state_stands_beside_the_field_and_a_code_breaks_between_its_words(world: World, visitor: Visitor) -> None:
    _, record_id = shared(world, cosell_howcanmicrosofthelp=HELP)
    body = visitor.visit("GET", "text/html", {"deal": record_id}).body
    assert re.findall(r'<th scope="col">(.*?)</th>', body)[:3] == ["Field", "State", "Partner Center"]
    assert "<td>Customer<wbr>Technical<wbr>Architecture</td>" in body


def test_what_the_sides_hold_is_escaped(world: World, visitor: Visitor) -> None:
    hostile = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    _, record_id = shared(world, name=hostile, description=hostile)
    world.crm.edit(record_id, description=f"{hostile}2")
    world.settle()
    for page in (visitor.page(), visitor.page(deal=record_id), visitor.page(deal=record_id, look="now")):
        assert not page.all("script")
        assert not page.all("img")
        assert hostile in page.text

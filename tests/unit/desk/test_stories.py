"""Days of people at the status page: each step as they see it, on the page and on the record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.card import Card
from shared.feeds.digest import Digest
from shared.ledger.model import DueKind
from shared.timers import run_reconcile
from tests.simulation.deals import invited, shared
from tests.support.desks import Visitor, reconciled
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.world import World
from tests.support.reader import Reader

MINUTE = timedelta(minutes=1)
STATUS = "cosell_syncstatus"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def visitor(world: World) -> Visitor:
    return Visitor(world)


def test_a_seller_completes_the_account_and_the_deal_goes_on_within_minutes(world: World, visitor: Visitor) -> None:
    account = world.crm.add_account(address1_line1=None)
    record_id = world.crm.add_deal(
        name="Laptops for Oslo", parentaccountid=account, parentcontactid=world.crm.add_contact()
    )
    world.settle()
    # The seller reads what to do on the record; whoever is asked about it reads the same on the deal's page.
    assert str(world.crm.row(record_id)[STATUS]).startswith("✖ Enter the street on the account.")
    page = visitor.page(deal=record_id)
    assert "Street: Partner Center requires a street. Enter the street on the account." in page.text
    assert "What comes next Enter the street on the account. It is checked again by itself" in page.text
    assert "none yet" in page.text, "there is no referral"
    assert f"&deal={record_id}&" in str(visitor.page().all("a")), "the overview leads here"
    # The account is completed, and nobody saves the record or presses anything.
    world.crm.accounts[account]["address1_line1"] = "1 Main Street"
    began = world.clock.now()
    for _ in range(10):
        if str(world.crm.row(record_id)[STATUS]).startswith("✔"):
            break
        world.clock.advance(MINUTE)
        world.settle()
    assert str(world.crm.row(record_id)[STATUS]).startswith("✔ Synchronized")
    assert world.clock.now() - began < 10 * MINUTE
    link = world.link_of_record(record_id)
    assert link
    page = visitor.page(deal=record_id)
    assert "✔ Synchronized" in page.text
    assert "Nothing to do: the next change on either side is carried over." in page.text
    assert link.referral_id in page.text
    assert "requires a street" in page.text, "the audit keeps what was wrong"
    reconciled(world)
    overview = visitor.page()
    assert "No deal is set aside." in overview.text
    assert "✔ Everything works" in overview.text


def test_an_alliance_manager_meets_an_invitation_near_its_end_everywhere(world: World, visitor: Visitor) -> None:
    referral_id, record_id = invited(world)
    world.clock.advance(timedelta(days=12))
    world.reconcile()
    world.settle()
    # The reminder, in the chat.
    assert any(each.startswith("A co-sell invitation is about to expire.") for each in world.news.texts)
    # The page, with the day, and a way to the deal.
    (row,) = visitor.data()["deadlines"]
    assert (row["referral_id"], row["record_id"], row["kind"]) == (referral_id, record_id, "decide")
    assert row["due"].startswith("2026-03-16")
    page = visitor.page()
    assert "the invitation expires" in page.text
    assert "2026-03-16" in page.text
    deal = visitor.page(deal=referral_id).text
    assert "✖ Decide by 2026-03-16: move the record on to accept, or close it as lost to decline." in deal
    assert "What comes next Decide by 2026-03-16: move the record on" in deal
    # The digest of the day, in a chat's own form.
    sent: list[Card] = []

    class Chat:
        def notify(self, card: Card) -> None:
            sent.append(card)

    digest = Digest(Chat(), world.taped.drawers, 0, "https://fn.example/api/StatusPage")
    run_reconcile(world.tasks, world.alerts, world.watchdog, world.queue, digest)
    (card,) = sent
    assert f"Decide by 2026-03-16: referral {referral_id}" in card.plain
    # The agenda has it until it is decided; then nothing of it is left anywhere.
    agenda = world.ledger.of("dynamics365").agenda
    assert [due.key for due in agenda.all(DueKind.DEADLINE)] == [referral_id]
    world.partner_center.accept(referral_id)
    world.settle()
    assert list(agenda.all(DueKind.DEADLINE)) == []
    assert visitor.data()["deadlines"] == []
    assert "Nothing is due." in visitor.page().text


def test_a_held_mass_change_is_understood_and_released_on_the_page(world: World, visitor: Visitor) -> None:
    world.configure(mass_deals=1)
    deals = [shared(world, name=f"Deal {number}") for number in range(4)]
    world.clock.advance(timedelta(hours=2))
    for _, record_id in deals:
        world.crm.edit(record_id, **{SYNC: False})
    world.settle()
    paused = sum(link.state == "paused" for link in world.links())
    assert paused < len(deals), "most of them wait"
    assert any("Many deals were closed, cleared, switched off or deleted at once." in each for each in world.chat.texts)
    page = visitor.page()
    waiting = len(deals) - paused
    assert f"{waiting} \u00d7 switch off" in page.text
    assert "Too many deals changed at once." in page.text
    (group,) = visitor.data()["held"]
    assert "It is part of a mass change" in visitor.page(deal=group["examples"][0]).text
    # What the page's own form says is sent as a browser would.
    fields = {
        str(each["name"]): str(each["value"]) for each in page.all("input") if each.get("name") in ("action", "held")
    }
    assert fields["held"] == group["id"]
    reply = visitor.submit({"action": "release", "held": group["id"]})
    assert reply.status == 202
    assert f"{waiting} held changes" in Reader(reply).text
    world.settle()
    assert {link.state for link in world.links()} == {"paused"}
    assert visitor.data()["held"] == []
    assert "Held mass changes" not in visitor.page().text
    assert any(each.startswith("Resolved: Many deals were closed") for each in world.chat.texts)

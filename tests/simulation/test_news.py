"""What a chat is told of deals: an invitation, a reminder, Microsoft's answer, and once a day what needs a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import ServiceUnavailable
from shared.feeds.digest import SHOWN, Digest
from shared.lifecycle import Stage
from shared.messages import Messages
from shared.microsoft import MicrosoftsHalf
from shared.sync.news import News, Newsroom, news_of
from shared.timers import run_reconcile
from tests.simulation.deals import invited, shared
from tests.support.fakes.tape import Step
from tests.support.fakes.two_crms import TwoCrms
from tests.support.fakes.world import World

DAY = timedelta(days=1)


@pytest.fixture
def world() -> World:
    return World()


def pass_days(world: World, days: int) -> None:
    for _ in range(days * 6):
        world.clock.advance(timedelta(hours=4))
        world.reconcile()
        world.settle()


def test_an_invitation_is_told_once_with_its_day_and_where_to_open_it(world: World) -> None:
    referral_id, _ = invited(world)
    (text,) = world.news.texts
    assert text.startswith("A new co-sell invitation arrived.")
    assert "Decide by: 2026-03-16" in text
    assert f"https://partner.microsoft.com/referrals/v2/inbox?id={referral_id}" in text
    world.partner_center.edit(referral_id, {"/details/dealValue": 1})
    world.settle()
    assert len(world.news.texts) == 1


@pytest.mark.parametrize("details", [True, False])
def test_names_and_values_are_in_it_only_where_the_setting_allows(world: World, *, details: bool) -> None:
    world.newsroom = Newsroom(world.news, details, "https://app.example/api/StatusPage")
    world.configure()
    referral_id, _ = invited(world)
    (text,) = world.news.texts
    assert ("Northwind" in text) is details
    assert ("42000 GBP" in text) is details
    assert ("Customer: Northwind Traders" in text) is details
    assert f"https://app.example/api/StatusPage?deal={referral_id}" in text


def test_our_own_deals_and_accepted_ones_are_no_news(world: World) -> None:
    shared(world)
    world.partner_center.registers()
    world.settle()
    assert world.news.texts == []


def test_a_reminder_is_told_at_each_of_its_days_and_never_twice(world: World) -> None:
    invited(world)
    pass_days(world, 13)
    said = [text.splitlines()[0] for text in world.news.texts[1:]]
    assert said == ["A co-sell invitation is about to expire. Accept or decline it."] * 3


@pytest.mark.parametrize("side", ["record", "referral"])
def test_a_side_that_is_gone_is_told_once(world: World, side: str) -> None:
    referral_id, record_id = shared(world)
    if side == "record":
        world.crm.delete(record_id)
    else:
        del world.partner_center.rows[referral_id]
        world.crm.edit(record_id, estimatedvalue=7)
    world.settle()
    (text,) = world.news.texts
    assert text.startswith("A deal lost one of its sides")
    assert referral_id in text
    world.recover()
    assert len(world.news.texts) == 1


def test_a_chat_that_does_not_answer_stops_nothing(world: World) -> None:
    class Silent:
        def notify(self, _card: object) -> None:
            raise ServiceUnavailable("down")

    world.newsroom = Newsroom(Silent())
    world.configure()
    invited(world)
    assert world.parked() == []


def test_two_crms_tell_it_once() -> None:
    world = TwoCrms()
    world.partner_center.invites_us()
    world.settle()
    assert len(world.links()) == 2
    assert len(world.news.texts) == 1


@pytest.mark.parametrize(
    ("stage", "news"),
    [
        (Stage.ACTIVE, [News.ACCEPTED]),
        (Stage.DECLINED, [News.DECLINED]),
        (Stage.EXPIRED, [News.EXPIRED]),
        (Stage.ON_HOLD, []),
        (Stage.WON, []),
    ],
)
def test_microsofts_answer_is_news(world: World, stage: Stage, news: list[News]) -> None:
    shared(world)
    before = replace(world.link(), microsoft=MicrosoftsHalf("theirs", Stage.ON_HOLD))
    after = replace(before, microsoft=MicrosoftsHalf("theirs", stage, reason="no seller"))
    assert list(news_of(before, after)) == news
    assert list(news_of(after, after)) == []
    if stage is Stage.DECLINED:
        card = Newsroom(world.news).card(News.DECLINED, after)
        assert ("Reason", "no seller") in card.facts


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_news_has_a_sentence(world: World, language: str) -> None:
    invited(world)
    newsroom = Newsroom(world.news, messages=Messages(language))
    assert len({newsroom.card(news, world.link()).text for news in News}) == len(News)


# --- the digest ------------------------------------------------------------------------------------------------------


def reconcile(world: World, hour: int = 7) -> None:
    digest = Digest(world.chat, world.taped.drawers, hour, "https://app.example/api/StatusPage")
    run_reconcile(world.tasks, world.alerts, world.watchdog, world.queue, digest)


def test_the_digest_names_what_needs_a_person_once_a_day(world: World) -> None:
    referral_id, _ = invited(world)
    world.crm.add_deal(parentaccountid=world.crm.add_account(address1_city=None))
    world.settle()
    world.clock.advance(8 * DAY)
    reconcile(world)
    reconcile(world)
    (text,) = (each for each in world.chat.texts if each.startswith("Co-sell deals that need a person"))
    assert f"Decide by 2026-03-16: referral {referral_id}" in text
    assert "Enter the city on the account." in text
    assert "dynamics365: 1 to put right, 1 with a deadline" in text
    assert "https://app.example/api/StatusPage" in text
    world.clock.advance(DAY)
    reconcile(world)
    assert len([each for each in world.chat.texts if each.startswith("Co-sell")]) == 2


def test_of_two_instances_one_sends_the_digest(world: World) -> None:
    world.crm.add_deal(parentaccountid=world.crm.add_account(address1_city=None))
    world.settle()
    digest = Digest(world.chat, world.taped.drawers, 7)
    meanwhile: list[bool] = []

    def another_sends_it(step: Step) -> None:
        if step.name == "values.put" and not meanwhile:
            meanwhile.append(True)
            meanwhile.append(digest.tell([world.task]))

    world.tape.before.append(another_sends_it)
    assert not digest.tell([world.task])
    assert meanwhile == [True, True]
    assert len([each for each in world.chat.texts if each.startswith("Co-sell")]) == 1


def test_a_day_without_anything_is_a_day_without_a_digest(world: World) -> None:
    shared(world)
    reconcile(world)
    assert world.chat.texts == []


def test_the_digest_waits_for_its_hour(world: World) -> None:
    world.crm.add_deal(parentaccountid=world.crm.add_account(address1_city=None))
    world.settle()
    reconcile(world, hour=11)
    assert world.chat.texts == []
    world.clock.advance(timedelta(hours=3))
    reconcile(world, hour=11)
    assert len(world.chat.texts) == 1


def test_many_deals_are_counted_and_some_are_named(world: World) -> None:
    for _ in range(SHOWN + 5):
        world.crm.add_deal(parentaccountid=world.crm.add_account(address1_city=None))
    world.settle()
    reconcile(world)
    (text,) = world.chat.texts
    assert text.count("Enter the city") == SHOWN
    assert "... and 5 more" in text
    assert f"{SHOWN + 5} to put right" in text

"""Fields that change again at once each time that they are written: they rest before they are written again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from shared.deal import NOTES, RecordKey, Value
from shared.decide.fights import (
    DRIFT,
    FORGIVEN,
    LONGEST_REST,
    REST,
    SOON,
    lane,
    looked_at_again,
    repeats,
    restless,
    without_fights,
)
from shared.link import Link
from shared.merge import Change, Difference, Plan, Stays
from shared.messages.reasons import Reason
from tests.support.stand_ins import START

SECONDS = timedelta(seconds=30)
OUT, IN = lane(NOTES, to_crm=False), lane(NOTES, to_crm=True)


@dataclass
class Field:
    """One field of a linked deal: what both sides hold, and what the link remembers of it."""

    now: datetime = START
    referral: str = "agreed"
    record: str = "agreed"
    link: Link = field(
        default_factory=lambda: Link(
            "dynamics365", "referral", RecordKey("dynamics365", "opportunity", "record"), base={NOTES: "agreed"}
        )
    )

    def look(self, *, refused: bool = False) -> Plan:
        """Carry out the plan of a look at it, in which the side wins that differs from what was agreed."""
        agreed = self.link.base[NOTES]
        out = Change(NOTES, self.referral, self.record, Reason.CHANGED_IN_CRM)
        back = Change(NOTES, self.record, self.referral, Reason.CHANGED_IN_PARTNER_CENTER)
        base: dict[str, Value] = {NOTES: self.record if self.record != agreed else self.referral}
        plan = Plan((), (), (), (), base)
        if refused:
            held = Difference(NOTES, self.referral, self.record, Reason.REFUSED, Stays.HELD)
            plan = replace(plan, differences=(held,), base={NOTES: agreed})
        elif self.referral != self.record:
            there = self.record != agreed
            plan = replace(plan, to_partner_center=(out,)) if there else replace(plan, to_crm=(back,))
        plan = without_fights(plan, self.link, self.now)
        self.link = replace(
            self.link,
            base=plan.base,
            repeats=repeats(plan, self.link, self.now),
            restless=restless(plan, self.link, self.now),
        )
        if plan.to_partner_center:
            self.referral = self.record
        if plan.to_crm:
            self.record = self.referral
        return plan

    def save(self, value: str, after: timedelta = SECONDS) -> Plan:
        """Let the seller save another value, and look at it."""
        self.now += after
        self.record = value
        return self.look()

    @property
    def due(self) -> datetime:
        """When it is looked at again."""
        found = looked_at_again(self.link, [NOTES], self.now)
        assert found
        return found

    def wait(self) -> Plan:
        """Look at it when that is due."""
        self.now = self.due
        return self.look()


@pytest.fixture
def busy() -> Field:
    """A field that was saved twenty times, each time soon after the last, and has to rest at the next."""
    made = Field()
    for number in range(DRIFT):
        assert made.save(f"{number}", SOON).writes, number
    return made


def test_a_value_that_is_saved_again_and_again_travels_once_it_rests(busy: Field) -> None:
    for number in range(40):
        made = busy.save(f"typing {number}")
        assert not made.writes
        (difference,) = made.differences
        assert (difference.reason, difference.stays) == (Reason.KEEPS_CHANGING, Stays.WAITING)
        assert (difference.referral, difference.record) == (f"{DRIFT - 1}", f"typing {number}")
        assert busy.link.base[NOTES] == f"{DRIFT - 1}", "what was not written is not agreed"
        assert busy.due == busy.now + REST
    busy.now += REST - timedelta(seconds=1)
    assert not busy.look().writes
    assert busy.due == busy.now + timedelta(seconds=1), "a look is no change"
    assert busy.wait().writes
    assert busy.referral == "typing 39"
    assert busy.link.restless == {}


def test_each_answer_to_a_write_makes_the_rest_twice_as_long_up_to_a_day(busy: Field) -> None:
    rests = []
    for number in range(10):
        busy.save(f"answer {number}")
        begun = busy.now
        assert busy.wait().writes
        rests.append(busy.now - begun)
    assert rests[:8] == [REST * 2**power for power in range(8)]
    assert rests[-1] == LONGEST_REST - SECONDS, "a day after the last write"


def test_a_value_that_never_rests_is_written_once_a_day(busy: Field) -> None:
    written = []
    for number in range(3 * 24 * 6):
        if busy.save(f"{number}", timedelta(minutes=9, seconds=59)).writes:
            written.append(busy.now)
    assert 2 <= len(written) <= 4


def test_news_after_a_rest_travels_at_once_and_twice_more(busy: Field) -> None:
    assert busy.save("an hour later", timedelta(hours=1)).writes
    assert busy.link.repeats[OUT].row == DRIFT - 1
    assert busy.save("and again").writes
    assert not busy.save("and again and again").writes
    assert busy.due == busy.now + REST


def test_all_is_forgiven_after_two_days(busy: Field) -> None:
    assert busy.save("days later", FORGIVEN + SECONDS).writes
    assert busy.link.repeats[OUT].row == 1


def test_a_new_value_after_two_days_travels_at_once_though_the_last_one_never_did(busy: Field) -> None:
    assert not busy.save("held").writes
    assert busy.save("days later", FORGIVEN + SECONDS).writes


def test_one_that_goes_back_and_forth_agrees_by_chance_and_is_not_at_rest(busy: Field) -> None:
    agreed = busy.referral
    assert not busy.look().differences, "nobody changed it"
    busy.save("there")
    made = busy.save(agreed)
    assert [each.reason for each in made.differences] == [Reason.KEEPS_CHANGING]
    made = busy.wait()
    assert made.differences == ()
    assert (busy.link.repeats[OUT].row, busy.link.repeats[OUT].at) == (DRIFT + 1, busy.now)
    assert not busy.save("there").writes, "what follows at once is the answer to what the record said"
    assert busy.due == busy.now + 2 * REST


def test_what_is_held_for_another_reason_meanwhile_goes_on_to_rest(busy: Field) -> None:
    busy.save("there")
    since = busy.link.restless
    busy.now += SECONDS
    busy.look(refused=True)
    assert busy.link.restless == since
    busy.now += REST
    assert busy.look().writes


def test_partner_centers_word_to_and_fro_is_counted_like_the_crms() -> None:
    made = Field()
    for number in range(DRIFT):
        made.now, made.referral = made.now + SECONDS, f"{number}"
        assert made.look().to_crm
    made.now, made.referral = made.now + SECONDS, "again"
    assert not made.look().writes
    assert made.wait().to_crm
    assert made.link.repeats[IN].row == DRIFT + 1


def test_people_who_take_their_time_never_have_to_wait() -> None:
    made = Field()
    for number in range(2 * DRIFT):
        assert made.save(f"{number}", SOON + timedelta(seconds=1)).writes
    assert made.link.repeats[OUT].row == 1

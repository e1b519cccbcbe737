"""The Observer: each piece costs exactly the calls that it should, and memory none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.deal import NOTES, STATUS
from shared.decide.deal import GONE, Copied, Deal, IntentState, Need, RecordSeen, ReferralSeen
from shared.decide.decisions import Agree, CreateReferral, Known
from shared.ledger.model import Intent
from shared.lifecycle import Stage
from shared.link import Link, LinkState
from shared.messages.reasons import Reason
from shared.sync import copies
from shared.sync.observe import INTENT_LEASE, Observer, remembered_record, remembered_referral, remembers, seen_record
from tests.support.fakes.world import World

GUID = "5b0f2f0e-6a1d-4c1f-9a07-3f6f0c3b1d55"


class Room:
    """A shared deal, settled, and a look at it."""

    def __init__(self) -> None:
        self.world = World()
        self.record_id = self.world.crm.add_deal()
        self.world.settle()
        self.world.recover()
        self.task = self.world.task
        self.link = self.world.link()

    def observer(self, *, trusting: bool = True) -> Observer:
        return Observer(self.task, trusting=trusting)

    def deal(self, link: Link | None = None, **pieces: object) -> Deal:
        return replace(Deal(self.world.clock.now(), "record", link), **pieces)  # type: ignore[arg-type]

    def cost(self, look: Callable[[], Deal]) -> tuple[Deal, dict[str, int]]:
        mark = self.world.mark()
        seen = look()
        return seen, self.world.calls(mark)

    def here(self) -> RecordSeen:
        return seen_record(self.task, self.world.crm.read(self.record_id))


@pytest.fixture
def room() -> Room:
    return Room()


# --- the two sides ---------------------------------------------------------------------------------------------------


def test_a_settled_deal_is_known_without_a_call(room: Room) -> None:
    assert remembers(room.link, room.task.field_map)
    for need in (Need.REFERRAL, Need.RECORD):
        _, cost = room.cost(lambda need=need: room.observer().observe(room.deal(room.link), need))  # type: ignore[misc]
        assert cost == {}


def test_what_is_remembered_is_what_would_be_read(room: Room) -> None:
    memory = room.observer().observe(room.deal(room.link), Need.REFERRAL).referral
    read = room.observer(trusting=False).observe(room.deal(room.link), Need.REFERRAL).referral
    assert isinstance(memory, ReferralSeen)
    assert isinstance(read, ReferralSeen)
    assert memory == remembered_referral(room.link)
    assert (memory.version, memory.stage, memory.engagement_id) == (read.version, read.stage, read.engagement_id)
    assert {**memory.fields, "help": None} == {**read.fields, "help": None}
    record = remembered_record(room.link, room.task.field_map)
    there = room.here()
    assert (record.key, record.version, record.fields, record.identifier) == (
        there.key,
        there.version,
        there.fields,
        there.identifier,
    )
    assert record.columns is None


@pytest.mark.parametrize(("need", "call"), [(Need.REFERRAL, "partner_center.read"), (Need.RECORD, "crm.read")])
def test_a_side_that_is_not_believed_costs_one_read(room: Room, need: Need, call: str) -> None:
    _, cost = room.cost(lambda: room.observer(trusting=False).observe(room.deal(room.link), need))
    assert cost == {call: 1}
    for unsure in (
        replace(room.link, settled=False),
        replace(room.link, record_version=None),
        replace(room.link, referral_version=None),
        replace(room.link, base={name: value for name, value in room.link.base.items() if name != NOTES}),
        replace(room.link, fingerprints={**room.link.fingerprints, NOTES: "another row"}),
    ):
        _, cost = room.cost(lambda link=unsure: room.observer().observe(room.deal(link), need))  # type: ignore[misc]
        assert cost == {call: 1}, "what the link is not sure of is read"


@pytest.mark.parametrize("need", [Need.REFERRAL, Need.RECORD])
def test_what_is_gone_is_gone_and_no_error(room: Room, need: Need) -> None:
    room.world.partner_center.delete(room.link.referral_id)
    room.world.crm.delete(room.record_id)
    seen = room.observer(trusting=False).observe(room.deal(room.link), need)
    assert (seen.referral if need is Need.REFERRAL else seen.record) is GONE


def test_a_row_that_is_not_ours_is_seen_as_such(room: Room) -> None:
    (row,) = room.world.partner_center.ours()
    room.world.partner_center.rows[row["id"]] = row | {"organizationId": "another-partner"}
    seen = room.observer(trusting=False).observe(room.deal(room.link), Need.REFERRAL).referral
    assert isinstance(seen, ReferralSeen)
    assert not seen.ours


# --- the other pieces ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (None, IntentState.NONE),
        (timedelta(minutes=1), IntentState.FRESH),
        (INTENT_LEASE + timedelta(seconds=1), IntentState.ABANDONED),
    ],
)
def test_an_intent_is_fresh_for_its_lease_and_costs_no_call(
    room: Room, age: timedelta | None, state: IntentState
) -> None:
    if age is not None:
        begun = room.world.clock.now() - age
        room.task.intents.begin(Intent(room.task.key(room.record_id), begun, begun, "somebody"))
    deal, cost = room.cost(lambda: room.observer().observe(room.deal(record=room.here()), Need.INTENT))
    assert deal.intent is state
    assert cost == {"crm.read": 1}, "that is this test's own"


def test_the_holder_is_looked_for_from_the_other_side(room: Room) -> None:
    here = room.here()
    by_record, cost = room.cost(lambda: room.observer().observe(room.deal(record=here), Need.HOLDER))
    assert by_record.holder == room.link, "of the identifier"
    assert cost == {}
    referral = replace(remembered_referral(room.link), id=GUID, names=here.key)
    by_referral = room.deal(starts_at="referral", referral=referral)
    assert room.observer().observe(by_referral, Need.HOLDER).holder == room.link, "of the record that it names"
    unnamed = replace(by_referral, referral=replace(referral, names=None), carrier=here)
    assert room.observer().observe(unnamed, Need.HOLDER).holder == room.link, (
        "of the record that carries its identifier"
    )
    other = replace(here, identifier=GUID)
    assert room.observer().observe(room.deal(record=other), Need.HOLDER).holder is None


def test_the_holder_of_a_successor_is_the_successors(room: Room) -> None:
    gone = room.deal(
        replace(room.link, record=room.task.key("gone")), record=GONE, successor=room.task.key(room.record_id)
    )
    assert room.observer().observe(gone, Need.HOLDER).holder == room.link


def test_the_holders_record_costs_one_read(room: Room) -> None:
    deal, cost = room.cost(lambda: room.observer().observe(room.deal(holder=room.link), Need.HOLDER_RECORD))
    assert isinstance(deal.holder_record, RecordSeen)
    assert cost == {"crm.read": 1}


def test_what_became_of_a_deleted_record_costs_no_call_where_records_are_never_merged(room: Room) -> None:
    deal = room.deal(room.link, record=GONE)
    seen, cost = room.cost(lambda: room.observer().observe(deal, Need.SUCCESSOR))
    assert seen.successor is None
    assert cost == {}
    room.world.crm.merged[room.record_id] = "survivor"
    assert room.observer().observe(deal, Need.SUCCESSOR).successor == room.task.key("survivor")


def test_the_record_with_an_identifier_costs_one_search(room: Room) -> None:
    deal = room.deal(referral=remembered_referral(room.link))
    seen, cost = room.cost(lambda: room.observer().observe(deal, Need.CARRIER))
    assert isinstance(seen.carrier, RecordSeen)
    assert seen.carrier.key == room.link.record
    assert cost == {"crm.find": 1}
    nobodys = room.deal(referral=replace(remembered_referral(room.link), id=GUID))
    assert room.observer().observe(nobodys, Need.CARRIER).carrier is None


def test_whether_a_copy_was_released_is_remembered_without_a_call(room: Room) -> None:
    deal = room.deal(record=room.here())
    seen, cost = room.cost(lambda: room.observer().observe(deal, Need.COPY))
    assert seen.copied is Copied.UNKNOWN
    assert cost == {}
    copies.release(room.task, room.task.key(room.record_id))
    assert room.observer().observe(deal, Need.COPY).copied is Copied.RELEASED


# --- which referral --------------------------------------------------------------------------------------------------


def test_the_identifier_in_the_record_beats_a_referral_that_named_it_and_was_ignored(room: Room) -> None:
    ignored = Link("dynamics365", GUID, room.task.key(room.record_id), LinkState.IGNORED)
    seen = room.observer().observe(room.deal(ignored, record=room.here()), Need.REFERRAL).referral
    assert isinstance(seen, ReferralSeen)
    assert seen.id == room.link.referral_id


def test_the_link_of_a_deal_beats_an_identifier_that_was_exchanged(room: Room) -> None:
    exchanged = replace(room.here(), identifier=GUID)
    deal = room.deal(room.link, record=exchanged)
    seen = room.observer(trusting=False).observe(deal, Need.REFERRAL).referral
    assert isinstance(seen, ReferralSeen)
    assert seen.id == room.link.referral_id


# --- from a row to what is decided about -----------------------------------------------------------------------------


def test_an_identifier_typed_in_capitals_or_with_blanks_is_the_same_one(room: Room) -> None:
    room.world.crm.edit(room.record_id, cosell_referralidentifier=f" {room.link.referral_id.upper()} ")
    assert room.here().identifier == room.link.referral_id
    room.world.settle()
    assert not room.world.parked()


@pytest.mark.parametrize("text", ["", "   ", None])
def test_blanks_are_no_identifier(room: Room, text: str | None) -> None:
    read = room.world.crm.read(room.record_id)
    columns = {**read.columns, "cosell_referralidentifier": text}
    assert seen_record(room.task, replace(read, columns=columns)).identifier is None


def test_a_referral_that_nobody_wants_says_why(room: Room) -> None:
    inviter = {"organizationId": "msft", "organizationName": "Microsoft"}
    lead = {"type": "Independent", "qualification": "Direct"}
    room.world.partner_center.invites_us(**lead)
    row = room.world.partner_center.ours()[-1]
    assert row["inviteContext"]["invitedBy"] == inviter
    seen = room.observer().read_referral(str(row["id"]))
    assert isinstance(seen, ReferralSeen)
    assert seen.ignored is Reason.UNACCEPTED_LEAD


# --- until it is decided ---------------------------------------------------------------------------------------------


def test_an_edit_of_a_settled_deal_is_decided_without_a_call(room: Room) -> None:
    edited = replace(room.here(), fields={**room.here().fields, NOTES: "edited"})
    mark = room.world.mark()
    deal, decision = room.observer().decide(room.deal(room.link, record=edited))
    assert room.world.calls(mark) == {}
    assert isinstance(decision, Agree)
    assert [each.name for each in decision.plan.to_partner_center] == [NOTES]
    assert isinstance(deal.referral, ReferralSeen)


def test_an_event_of_a_paused_deal_is_decided_without_reading_the_record(room: Room) -> None:
    paused = room.deal(replace(room.link, state=LinkState.PAUSED), referral=remembered_referral(room.link))
    mark = room.world.mark()
    assert isinstance(room.observer().decide(paused)[1], Known)
    assert room.world.calls(mark) == {}


def test_a_new_record_is_decided_by_a_look_at_what_its_referral_takes(room: Room) -> None:
    new = room.world.crm.add_deal()
    record = seen_record(room.task, room.world.crm.read(new))
    mark = room.world.mark()
    assert isinstance(room.observer().decide(room.deal(record=record))[1], CreateReferral)
    assert room.world.calls(mark) == {"crm.read": 1, "crm.account": 1, "crm.contact": 1, "crm.owner": 1}
    assert record.fields[STATUS] is Stage.ACTIVE

"""make_plan(): what the deal itself adds to the mapping's rules, and what is refused before any call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.deal import (
    CLOSE_REASON,
    CLOSING_DATE,
    CURRENCY,
    DEAL_VALUE,
    HELP,
    NAME,
    NOTES,
    SOLUTIONS,
    STATUS,
    Fields,
    RecordKey,
    Value,
)
from shared.deal_registration import RegistrationForm
from shared.decide import decide
from shared.decide.deal import Deal, Policy, RecordSeen, ReferralSeen
from shared.decide.decisions import Agree, AwaitUndo, FollowOwner
from shared.decide.fights import FIGHT, FIGHT_WINDOW, digest, lane, repeats
from shared.decide.masks import is_mask, looks_masked
from shared.decide.planning import (
    agreed_base,
    make_plan,
    refusals,
    stays_behind,
)
from shared.decide.timing import closes, without_close
from shared.lifecycle import Stage
from shared.link import Closing, Link, Repeat
from shared.merge import Change, Plan, Rule, Stays
from shared.merge import Policy as Wins
from shared.messages.reasons import Reason
from shared.microsoft import MicrosoftsHalf
from shared.problems import Problem, problem
from tests.support.stand_ins import START

RECORD = RecordKey("dynamics365", "opportunity", "record")
REFERRAL = "0f6f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11"
NAMES = (NAME, NOTES, DEAL_VALUE, CURRENCY, CLOSING_DATE)
FILLED: dict[str, Value] = {**dict.fromkeys(NAMES, "agreed"), SOLUTIONS: ("agreed",), STATUS: Stage.ACTIVE}
WRONG_ID = "SOL-1"
UNKNOWN_ID = problem("solutions.malformed", SOLUTIONS, ids=WRONG_ID)
WRONG = problem("value.not_a_currency", CURRENCY, value="EURO", side="crm")


@dataclass(frozen=True)
class SixFields:
    """A mapping of six fields, each way."""

    rules: tuple[Rule, ...] = tuple(
        Rule(name, to_crm=True, to_partner_center=True, conflict=Wins.CRM) for name in (*NAMES, SOLUTIONS)
    )
    fingerprints: dict[str, str] = field(default_factory=lambda: dict.fromkeys((*NAMES, SOLUTIONS, STATUS), "today"))
    edits_wait: bool = False
    proposes_duplicates: bool = True
    close_reason_required: bool = False
    only_undecided: tuple[str, ...] = ()
    registration_form: RegistrationForm | None = None

    def refusal(self, name: str, new: Value, held: Value) -> Problem | None:  # noqa: ARG002 - a protocol
        """Return why a list of solutions with WRONG_ID is refused."""
        return UNKNOWN_ID if isinstance(new, tuple) and WRONG_ID in new else None

    def rules_for(self, digits: Mapping[str, int], held: Fields) -> tuple[Rule, ...]:  # noqa: ARG002 - a protocol
        """Return the rules: no amount is rounded here."""
        return self.rules


FIELD_MAP = SixFields()
LINK = Link(
    "dynamics365", REFERRAL, RECORD, base=FILLED, fingerprints=dict.fromkeys(FILLED, "today"), record_version="1"
)


def deal(
    link: Link = LINK,
    referral: Fields | None = None,
    record: Fields | None = None,
    *,
    bad_referral: dict[str, Problem] | None = None,
    bad_record: dict[str, Problem] | None = None,
    refused: dict[str, Problem] | None = None,
) -> Deal:
    here: Fields = {**FILLED, **(referral or {})}
    there: Fields = {**FILLED, **(record or {})}
    stage = Stage(str(here[STATUS]))
    return Deal(
        START,
        "record",
        link,
        ReferralSeen(REFERRAL, here, "1", stage, unreadable=bad_referral or {}),
        RecordSeen(RECORD, there, "1", START, identifier=REFERRAL, unreadable=bad_record or {}, columns={}),
        held=refused or {},
    )


def planned(seen: Deal, policy: Policy | None = None) -> Plan:
    assert seen.link
    return make_plan(seen, seen.link, FIELD_MAP, policy or Policy())


# --- the base of rows that changed -----------------------------------------------------------------------------------


def test_a_row_that_was_changed_has_no_base_any_more() -> None:
    old = replace(LINK, fingerprints={**LINK.fingerprints, NOTES: "yesterday"})
    assert agreed_base(old, FIELD_MAP) == {name: value for name, value in FILLED.items() if name != NOTES}
    made = planned(deal(old, {NOTES: "agreed and more"}))
    assert [each.reason for each in made.to_crm] == [Reason.REMAPPED_CRM_PARTIAL]


def test_a_row_that_was_taken_out_keeps_its_base_should_it_come_back() -> None:
    without = replace(FIELD_MAP, fingerprints={NOTES: "today"})
    assert agreed_base(LINK, without) == FILLED


# --- values that cannot travel ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["bad_referral", "bad_record"])
@pytest.mark.parametrize("other", [{}, {CURRENCY: "GBP"}])
def test_a_value_that_cannot_be_read_is_written_nowhere_and_clears_nothing(side: str, other: Fields) -> None:
    bad = {CURRENCY: WRONG}
    if side == "bad_record":
        seen = deal(LINK, {**other, NOTES: "new"}, {CURRENCY: None}, bad_record=bad)
    else:
        seen = deal(LINK, {CURRENCY: None, NOTES: "new"}, other, bad_referral=bad)
    made = planned(seen)
    assert [each.name for each in (*made.to_crm, *made.to_partner_center)] == [NOTES], "the rest of the deal goes on"
    assert made.base[CURRENCY] == "agreed"
    assert [(each.reason, each.stays) for each in made.differences] == [(Reason.UNREADABLE, Stays.HELD)][: len(other)]
    assert stays_behind(seen) == (WRONG,)


def test_a_value_that_a_side_refused_stays_behind_and_the_rest_goes_on() -> None:
    seen = deal(LINK, {CURRENCY: "XTS", NOTES: "new"}, refused={CURRENCY: WRONG})
    made = planned(seen)
    assert [each.name for each in made.to_crm] == [NOTES]
    assert [(each.name, each.stays) for each in made.differences] == [(CURRENCY, Stays.HELD)]
    decision = decide(seen, FIELD_MAP, Policy())
    assert isinstance(decision, Agree)
    assert decision.problems == (WRONG,)


def test_a_problem_that_holds_two_fields_is_told_once() -> None:
    seen = deal(refused={CURRENCY: WRONG, DEAL_VALUE: WRONG}, bad_record={CURRENCY: WRONG})
    assert stays_behind(seen) == (WRONG,)


# --- columns that only the app fills ---------------------------------------------------------------------------------


def invitation(*, tied: bool = True, closed: bool = False, base: Fields | None = None) -> Plan:
    """Plan an invitation that was decided, whose record says still until when that could be done."""
    rules = (Rule(CLOSING_DATE, to_crm=True, to_partner_center=False, conflict=Wins.PARTNER_CENTER),)
    field_map = SixFields(rules, only_undecided=(CLOSING_DATE,))
    stage = Stage.WON if closed else Stage.ACTIVE
    link = replace(LINK, base={STATUS: stage, **(base or {})})
    seen = deal(link, {CLOSING_DATE: None, STATUS: stage}, {CLOSING_DATE: "until then", STATUS: stage})
    assert isinstance(seen.record, RecordSeen)
    return make_plan(replace(seen, record=replace(seen.record, tied=tied)), link, field_map, Policy())


def test_what_the_app_wrote_on_a_record_that_it_tied_is_cleared_on_an_unknown_past() -> None:
    assert [(each.old, each.new) for each in invitation().to_crm] == [("until then", None)]
    assert not invitation(tied=False).to_crm, "it may be a seller's word"
    assert not invitation(closed=True).to_crm, "a closed record is left as it is"
    assert not invitation(base={CLOSING_DATE: None}).to_crm, "it was typed since"


# --- what only Microsoft's row tells ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "half", "told"),
    [(None, "GeneralOrOther", "GeneralOrOther"), ("Other", "GeneralOrOther", "Other")],
)
def test_the_help_that_was_asked_for_is_microsofts_word_where_our_row_has_none(
    own: str | None, half: str, told: str
) -> None:
    rules = (Rule(HELP, to_crm=True, to_partner_center=False, conflict=Wins.PARTNER_CENTER),)
    link = replace(LINK, base={STATUS: Stage.ACTIVE, HELP: "before"}, microsoft=MicrosoftsHalf("theirs", Stage.ON_HOLD))
    assert link.microsoft
    link = replace(link, microsoft=replace(link.microsoft, help=half))
    made = make_plan(deal(link, {HELP: own}, {HELP: "before"}), link, SixFields(rules), Policy())
    assert [each.new for each in made.to_crm] == [told]


def test_that_microsoft_takes_part_without_having_been_asked_holds_the_help_alone() -> None:
    rules = tuple(
        Rule(name, to_crm=True, to_partner_center=False, conflict=Wins.PARTNER_CENTER) for name in (HELP, NOTES)
    )
    base: Fields = {STATUS: Stage.ACTIVE, HELP: None, NOTES: "agreed"}
    link = replace(LINK, base=base, microsoft=MicrosoftsHalf("theirs", Stage.ACTIVE))
    made = make_plan(deal(link, {HELP: None, NOTES: "theirs"}, {HELP: "ours"}), link, SixFields(rules), Policy())
    assert [(each.name, each.new) for each in made.to_crm] == [(NOTES, "theirs")]
    assert [(each.name, each.reason) for each in made.differences] == [(HELP, Reason.MICROSOFT_TAKES_PART)]


@pytest.mark.parametrize(("end", "reason"), [(Stage.ACTIVE, Reason.HELP_UNTOLD), (Stage.WON, Reason.REFERRAL_CLOSED)])
def test_a_help_of_which_nothing_tells_is_asked_about_while_the_deal_is_open(end: Stage, reason: Reason) -> None:
    rules = (Rule(HELP, to_crm=True, to_partner_center=False, conflict=Wins.PARTNER_CENTER),)
    link = replace(LINK, base={STATUS: end})
    made = make_plan(
        deal(link, {HELP: None, STATUS: end}, {HELP: "ours", STATUS: end}), link, SixFields(rules), Policy()
    )
    assert [(each.name, each.reason) for each in made.differences] == [(HELP, reason)]


# --- what need not be read -------------------------------------------------------------------------------------------


def test_without_a_new_choice_nobody_looks_whether_microsoft_takes_part() -> None:
    rules = (Rule(HELP, to_crm=True, to_partner_center=False, conflict=Wins.PARTNER_CENTER), *FIELD_MAP.rules)
    nothing: Fields = {HELP: None}
    link = replace(LINK, base={**FILLED, **nothing}, fingerprints={**LINK.fingerprints, HELP: "today"})
    field_map = SixFields(rules, fingerprints=dict(link.fingerprints))
    assert isinstance(decide(deal(link, nothing, {**nothing, NOTES: "ours"}), field_map, Policy()), Agree)


def test_an_open_lead_needs_no_look_for_what_it_was_qualified_to() -> None:
    seen = deal(record={NOTES: "ours"})
    assert isinstance(seen.record, RecordSeen)
    assert isinstance(decide(replace(seen, record=replace(seen.record, lead=True)), FIELD_MAP, Policy()), Agree)


# --- the owner --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "now", "follows"),
    [("kim", "lee", True), ("kim", "kim", False), ("", "lee", False), ("kim", "", False), ("", "", False)],
)
def test_the_team_follows_from_an_owner_who_is_known_to_another_one(known: str, now: str, *, follows: bool) -> None:
    seen = deal(replace(LINK, owner=known))
    assert isinstance(seen.record, RecordSeen)
    decision = decide(replace(seen, record=replace(seen.record, owner=now)), FIELD_MAP, Policy())
    assert isinstance(decision, FollowOwner) == follows


# --- fights ----------------------------------------------------------------------------------------------------------


BACK = Change(NOTES, "agreed", "theirs", Reason.CHANGED_IN_PARTNER_CENTER)
OUT = Change(NOTES, "agreed", "ours", Reason.CHANGED_IN_CRM)
TO_CRM, THERE = lane(NOTES, to_crm=True), lane(NOTES, to_crm=False)


def fought(change: Change, count: int, ago: timedelta = timedelta(minutes=1)) -> Link:
    return replace(LINK, repeats={TO_CRM if change is BACK else THERE: Repeat(digest(change), count, START - ago)})


@pytest.mark.parametrize(
    ("change", "reason"), [(BACK, Reason.REVERSED_BY_CRM), (OUT, Reason.REVERSED_BY_PARTNER_CENTER)]
)
def test_what_was_taken_back_three_times_is_held_and_not_written_again(change: Change, reason: Reason) -> None:
    to_crm = change is BACK
    news: Fields = {NOTES: change.new}
    for count in range(FIGHT):
        made = planned(deal(fought(change, count), news if to_crm else None, None if to_crm else news))
        assert made.writes
    made = planned(deal(fought(change, FIGHT), news if to_crm else None, None if to_crm else news))
    assert not made.writes
    (difference,) = made.differences
    assert (difference.reason, difference.stays) == (reason, Stays.HELD)
    sides = ("theirs", "agreed") if to_crm else ("agreed", "ours")
    assert (difference.referral, difference.record) == sides
    assert made.base[NOTES] == "agreed", "what was not written is not agreed"


def test_another_value_or_a_later_day_is_no_fight() -> None:
    assert planned(deal(fought(BACK, FIGHT), {NOTES: "something else"})).writes
    assert planned(deal(fought(BACK, FIGHT, FIGHT_WINDOW + timedelta(seconds=1)), {NOTES: "theirs"})).writes


def test_a_fight_holds_its_own_field_only() -> None:
    made = planned(deal(fought(BACK, FIGHT), {NOTES: "theirs", NAME: "new"}))
    assert [each.name for each in made.to_crm] == [NAME]
    assert made.base[NAME] == "new"


def test_a_fight_about_what_was_never_agreed_leaves_it_so() -> None:
    base = {name: value for name, value in FILLED.items() if name != NOTES}
    made = planned(deal(replace(fought(OUT, FIGHT), base=base), None, {NOTES: "ours"}))
    assert not made.writes
    assert NOTES not in made.base


def test_the_same_write_is_counted_another_begins_anew_and_an_old_one_is_forgotten() -> None:
    plan = Plan((BACK,), (), (), (), {})
    first = repeats(plan, LINK, START)[TO_CRM]
    assert (first.digest, first.count, first.at) == (digest(BACK), 1, START)
    again = repeats(plan, replace(LINK, repeats={TO_CRM: first}), START + timedelta(minutes=1))[TO_CRM]
    assert again.count == 2
    assert repeats(Plan((OUT,), (), (), (), {}), replace(LINK, repeats={TO_CRM: again}), START)[TO_CRM].count == 1
    late = START + FIGHT_WINDOW + timedelta(minutes=2)
    assert repeats(plan, replace(LINK, repeats={TO_CRM: again}), late)[TO_CRM].count == 1
    assert repeats(Plan((), (), (), (), {}), replace(LINK, repeats={TO_CRM: again}), late) == {}


@pytest.mark.parametrize(
    ("begins", "reason"), [("theirs", Reason.REVERSED_BY_CRM), ("ours", Reason.REVERSED_BY_PARTNER_CENTER)]
)
def test_two_sides_that_take_each_other_back_are_counted_and_held(begins: str, reason: Reason) -> None:
    agreed = {"theirs": "ours", "ours": "theirs"}
    link, value = replace(LINK, base={**FILLED, NOTES: agreed[begins]}), begins
    sides: tuple[Fields, Fields] = ({NOTES: "theirs"}, {NOTES: "ours"})
    for _ in range(2 * FIGHT):
        made = planned(deal(link, *sides))
        assert [each.new for each in (*made.to_crm, *made.to_partner_center)] == [value]
        link = replace(link, base=made.base, repeats=repeats(made, link, START))
        value = agreed[value]
    made = planned(deal(link, *sides))
    assert value == begins
    assert not made.writes
    assert [(each.reason, each.stays) for each in made.differences] == [(reason, Stays.HELD)]


def test_a_side_that_changes_its_own_value_to_and_fro_fights_nobody() -> None:
    link = LINK
    for _ in range(FIGHT + 1):
        for change in (OUT, replace(OUT, old="ours", new="agreed")):
            link = replace(link, repeats=repeats(Plan((), (change,), (), (), {}), link, START))
    assert planned(deal(link, None, {NOTES: "ours"})).writes


def test_a_mark_tells_nothing_of_the_value() -> None:
    assert digest(BACK) != digest(replace(BACK, new="other"))
    assert "theirs" not in digest(BACK)


# --- what Partner Center would refuse --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (NAME, "deal.name_missing"),
        (DEAL_VALUE, "deal.value_missing"),
        (CURRENCY, "deal.currency_missing"),
        (CLOSING_DATE, "deal.closing_date_missing"),
        (SOLUTIONS, "deal.solutions_missing"),
    ],
)
def test_what_every_deal_needs_is_not_cleared_in_partner_center(name: str, code: str) -> None:
    seen = deal(record={name: () if name == SOLUTIONS else None, NOTES: "ours"})
    decision = decide(seen, FIELD_MAP, Policy())
    assert isinstance(decision, Agree)
    assert decision.problems == (problem(code, name),)
    assert [each.name for each in decision.plan.to_partner_center] == [NOTES], "the rest goes on"
    held = next(each for each in decision.plan.differences if each.name == name)
    assert (held.reason, held.stays) == (Reason.REFUSED, Stays.HELD)
    assert decision.plan.base[name] == FILLED[name], "what is refused is not agreed"


def test_a_value_does_not_travel_without_its_currency() -> None:
    decision = decide(deal(record={CURRENCY: None, DEAL_VALUE: Decimal(7)}), FIELD_MAP, Policy())
    assert isinstance(decision, Agree)
    assert decision.plan.to_partner_center == ()


@pytest.mark.parametrize("end", [Stage.WON, Stage.LOST])
def test_no_end_is_sent_before_the_values_that_lack(end: Stage) -> None:
    """Partner Center takes nothing behind an end."""
    decision = decide(deal(record={CLOSING_DATE: None, STATUS: end}), FIELD_MAP, Policy())
    assert isinstance(decision, Agree)
    assert decision.plan.to_partner_center == ()
    assert decision.problems == (problem("deal.closing_date_missing", CLOSING_DATE),)


@pytest.mark.parametrize("mask", ["****", "●●●●●", "XXX-XX", "**-***"])
def test_a_mask_replaces_no_value(mask: str) -> None:
    decision = decide(deal(record={NOTES: mask, NAME: "goes on"}), FIELD_MAP, Policy())
    assert isinstance(decision, Agree)
    assert [each.name for each in decision.plan.to_partner_center] == [NAME]
    assert decision.problems == (problem("value.masked", NOTES, side="crm"),)
    link = replace(LINK, base={**FILLED, NOTES: None})
    nothing_lost = decide(deal(link, {NOTES: None}, {NOTES: mask}), FIELD_MAP, Policy())
    assert isinstance(nothing_lost, Agree)
    assert [each.name for each in nothing_lost.plan.to_partner_center] == [NOTES]


@pytest.mark.parametrize("text", ["*** urgent ***", "call ***-1234", "#1", "x", "**", "Xx", "xxx", "* * *", "---", ""])
def test_text_with_some_stars_is_text(text: str) -> None:
    assert not is_mask(text)


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("***-**-1234", True),
        ("j****@contoso.example", True),
        (("SOL-1", "****"), True),
        ("a * b", False),
        (None, False),
    ],
)
def test_what_is_hidden_in_part_is_a_reason_to_ask_for_rights(value: Value, *, masked: bool) -> None:
    assert looks_masked(value) is masked


def test_a_win_without_value_holds_the_end_alone() -> None:
    link = replace(LINK, base={**FILLED, DEAL_VALUE: None})
    seen = deal(link, {DEAL_VALUE: None}, {DEAL_VALUE: None, STATUS: Stage.WON, NOTES: "ours"})
    decision = decide(seen, FIELD_MAP, Policy())
    assert isinstance(decision, Agree)
    assert [each.name for each in decision.plan.to_partner_center] == [NOTES]
    assert decision.plan.base[STATUS] is Stage.ACTIVE
    assert decision.problems == (problem("deal.won_without_value", DEAL_VALUE),)


def test_other_fields_may_be_cleared() -> None:
    assert isinstance(decide(deal(record={NOTES: None}), FIELD_MAP, Policy()), Agree)


def test_every_refusal_is_named_at_once() -> None:
    seen = deal(record={NAME: None, DEAL_VALUE: None, STATUS: Stage.WON})
    codes = {each.code for each in refusals(planned(seen), {**FILLED, DEAL_VALUE: None}, FIELD_MAP).values()}
    assert codes == {"deal.name_missing", "deal.value_missing", "deal.won_without_value"}


@pytest.mark.parametrize("end", [Stage.LOST, Stage.WON])
def test_where_a_reason_is_wanted_no_deal_is_lost_without_one(end: Stage) -> None:
    plan = planned(deal(record={STATUS: end}))
    wants = replace(FIELD_MAP, close_reason_required=True)
    missing = {STATUS: problem("deal.close_reason_missing", CLOSE_REASON)} if end is Stage.LOST else {}
    assert refusals(plan, FILLED, wants) == missing
    assert refusals(plan, {**FILLED, CLOSE_REASON: "No budget"}, wants) == {}
    assert refusals(plan, FILLED, FIELD_MAP) == {}


def test_what_the_mapping_knows_to_be_refused_is_told_by_its_field() -> None:
    plan = planned(deal(record={SOLUTIONS: (WRONG_ID,)}))
    assert refusals(plan, FILLED, FIELD_MAP) == {SOLUTIONS: UNKNOWN_ID}


# --- closing ---------------------------------------------------------------------------------------------------------


LATER = Policy(timedelta(minutes=20))


def test_only_an_end_closes() -> None:
    assert closes(planned(deal(record={STATUS: Stage.LOST}))) is Stage.LOST
    assert closes(planned(deal())) is None
    invited = replace(LINK, base={**FILLED, STATUS: Stage.ON_HOLD})
    assert closes(planned(deal(invited, {STATUS: Stage.ON_HOLD}))) is None, "accepting is no end"


def test_a_close_waits_from_the_moment_at_which_it_was_first_seen() -> None:
    seen = deal(record={STATUS: Stage.WON, NOTES: "ours"})
    first = decide(seen, FIELD_MAP, LATER)
    assert isinstance(first, AwaitUndo)
    assert first.closing == Closing(Stage.WON, START)
    assert first.until == START + LATER.close_delay
    assert [each.name for each in first.agree.plan.to_partner_center] == [NOTES]
    waits = next(each for each in first.agree.plan.differences if each.name == STATUS)
    assert (waits.reason, waits.stays) == (Reason.CLOSE_WAITS, Stays.WAITING)
    assert first.agree.plan.base[STATUS] is Stage.ACTIVE

    half = replace(seen, now=START + LATER.close_delay / 2, link=replace(LINK, closing=first.closing))
    again = decide(half, FIELD_MAP, LATER)
    assert isinstance(again, AwaitUndo)
    assert again.until == first.until, "looking again does not begin anew"

    over = replace(half, now=first.until)
    sent = decide(over, FIELD_MAP, LATER)
    assert isinstance(sent, Agree)
    assert closes(sent.plan) is Stage.WON


def test_another_end_begins_its_own_window() -> None:
    link = replace(LINK, closing=Closing(Stage.WON, START - LATER.close_delay))
    decision = decide(deal(link, record={STATUS: Stage.LOST}), FIELD_MAP, LATER)
    assert isinstance(decision, AwaitUndo)
    assert decision.closing == Closing(Stage.LOST, START)


def test_a_deal_that_was_opened_again_within_the_window_is_not_closed() -> None:
    link = replace(LINK, closing=Closing(Stage.WON, START - LATER.close_delay))
    decision = decide(deal(link), FIELD_MAP, LATER)
    assert isinstance(decision, Agree)
    assert not decision.plan.writes


def test_a_waiting_close_leaves_an_unknown_stage_unknown() -> None:
    plan = planned(deal(record={STATUS: Stage.WON}))
    assert without_close(plan, {STATUS: Stage.ACTIVE}).base[STATUS] is Stage.ACTIVE
    assert STATUS not in without_close(plan, {}).base


# --- the record's identity -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identifier", "tied", "columns", "given"),
    [
        (None, True, {}, True),
        (REFERRAL, False, {}, True),
        (REFERRAL, True, {}, False),
        (None, False, None, False),
    ],
    ids=["no identifier", "no link to the referral", "both", "remembered"],
)
def test_an_identifier_or_a_link_that_somebody_cleared_is_given_back(
    identifier: str | None, tied: bool, columns: dict[str, object] | None, given: bool
) -> None:
    seen = deal()
    assert isinstance(seen.record, RecordSeen)
    record = replace(seen.record, identifier=identifier, tied=tied, columns=columns)
    decision = decide(replace(seen, record=record), FIELD_MAP, Policy())
    assert isinstance(decision, Agree)
    assert decision.ties is given, "a record that is only remembered tells nothing of its columns"

"""The complete table: every situation has the row that fits first, and nothing else is done in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from shared.deal import HELP, STATUS
from shared.decide import decide
from shared.decide.deal import UNREAD, Need
from shared.decide.decisions import (
    Adopt,
    AskMicrosoft,
    AwaitUndo,
    CreateRecord,
    CreateReferral,
    Decision,
    Register,
    agreement,
)
from shared.lifecycle import TERMINAL, Stage
from shared.messages.reasons import Reason
from tests.unit.decide.deals import (
    ASKED,
    FIELD_MAP,
    HELPS,
    OTHER_REFERRAL,
    REFERRAL,
    field_map_of,
    found,
    piece,
    policy_of,
    step_by_step,
)
from tests.unit.decide.rows import ROWS, notes_go
from tests.unit.decide.situations import Situation
from tests.unit.decide.table import spread, table
from tests.unit.decide.wording import of_notes, tell

pytestmark = pytest.mark.timeout(600)
"""The first test that asks for it pays for the whole table."""


_DECIDED: list[tuple[Situation, Decision, tuple[Need, ...]]] = []


def decided() -> Iterator[tuple[Situation, Decision, tuple[Need, ...]]]:
    """Yield every situation with what is done in it, and what was read for that; it is decided when first asked for."""
    for number, entry in enumerate(spread()):
        if number == len(_DECIDED):
            _DECIDED.append((entry.situation, *step_by_step(entry.situation)))
        yield _DECIDED[number]


def test_every_situation_ends_as_its_row_says() -> None:
    """A sample of the table comes first, so that what is wrong is soon found."""
    wrong = []
    for entry, (situation, decision, _) in zip(spread(), decided(), strict=True):
        assert entry.row, f"no row fits {situation}"
        if entry.wanted != tell(decision):
            wrong.append(f"{situation}\n  {entry.row.story}\n  wanted {entry.wanted!r}, is {tell(decision)!r}")
            assert len(wrong) < 10, "such situations as\n" + "\n".join(wrong)
    assert not wrong, f"{len(wrong)} situations\n" + "\n".join(wrong)


def test_every_row_is_the_first_for_some_situation() -> None:
    used = {id(entry.row) for entry in table()}
    assert [row.story for row in ROWS if id(row) not in used] == []


def test_edits_travel_as_they_should_in_every_situation_that_agrees() -> None:
    for situation, decision, _ in decided():
        if agree := agreement(decision):
            assert of_notes(agree.plan) == notes_go(situation), situation


# --- what no decision may ever do ------------------------------------------------------------------------------------


def test_nothing_is_written_to_a_closed_referral() -> None:
    for situation, decision, _ in decided():
        agree = agreement(decision)
        if agree and situation.ended:
            assert not agree.plan.to_partner_center, situation


def test_nothing_but_its_state_is_written_to_a_record_that_refuses_writes() -> None:
    for situation, decision, _ in decided():
        agree = agreement(decision)
        if agree and situation.closed and situation.read_only:
            assert {each.name for each in agree.plan.to_crm} <= {STATUS}, situation


def test_on_an_unknown_base_nothing_is_accepted_closed_cleared_or_written_to_a_closed_side() -> None:
    seen = 0
    for situation, decision, _ in decided():
        agree = agreement(decision)
        if agree is None or (situation.tied_by_link and situation.base != "unknown"):
            continue
        changes = (*agree.plan.to_crm, *agree.plan.to_partner_center)
        assert all(each.name != STATUS and each.new not in (None, ()) for each in changes), situation
        if situation.ended or situation.closed:
            assert not changes, situation
        seen += 1
    assert seen > 1000


def test_what_is_not_shared_is_neither_tied_nor_made_a_deal() -> None:
    for situation, decision, _ in decided():
        if not situation.tied_by_link and situation.sync != "on" and situation.record != "gone":
            assert not isinstance(decision, (Adopt, CreateReferral)), situation
            if situation.names or situation.carrier == "found":
                assert not isinstance(decision, CreateRecord), situation


def test_what_is_not_ours_is_never_written() -> None:
    for situation, decision, _ in decided():
        if situation.referral in ("gone", "foreign"):
            assert agreement(decision) is None, situation


def test_what_waits_in_the_undo_window_is_no_part_of_what_is_written_now() -> None:
    for situation, decision, _ in decided():
        if isinstance(decision, AwaitUndo):
            sent = [each.new for each in decision.agree.plan.to_partner_center if each.name == STATUS]
            won_undecided = situation.referral == "invited" and situation.record == "won"
            assert sent == ([Stage.ACTIVE] if won_undecided else []), situation
            assert decision.until == decision.closing.since + policy_of(situation).close_delay
            assert decision.agree.plan.base.get(STATUS) not in TERMINAL, "what is not sent is not agreed"


def test_an_adopted_deal_begins_a_history_of_its_own() -> None:
    """Another referral's link is never taken for this one's: its version would refuse, or its past would be ours."""
    for situation, decision, _ in decided():
        if not isinstance(decision, Adopt):
            continue
        link = decision.agree.link
        assert link.referral_id == REFERRAL, situation
        assert not link.base, situation
        # The link that said that this very referral was ignored is replaced; every other one is left alone.
        own = situation.link == "ignored" and not (situation.source == "crm" and situation.identifier == "another")
        own_holder = situation.source == "crm" and situation.claimant == "an ignored link"
        assert (link.etag is not None) == (own or own_holder), situation
        assert link.etag != OTHER_REFERRAL, situation


def test_microsoft_is_never_asked_twice_nor_about_what_has_ended() -> None:
    asked = [situation for situation, decision, _ in decided() if isinstance(decision, AskMicrosoft)]
    assert {each.microsoft for each in asked} == {"absent"}
    assert {each.base for each in asked} == {"invited", "active"}
    assert not [each for each in asked if each.ended or each.closed]


def test_help_that_was_submitted_is_put_back() -> None:
    """Whoever asked Microsoft, and whatever it answered: the record shows the code that it was asked with."""
    seen = set()
    for situation, decision, needs in decided():
        agree = agreement(decision)
        known = situation.microsoft in ("invited and known", "declined") or Need.MICROSOFT in needs
        if agree is None or situation.base == "unknown" or situation.microsoft == "absent" or not known:
            continue
        back = [(each.old, each.new) for each in agree.plan.to_crm if each.name == HELP]
        if situation.closed and situation.read_only:
            assert back == [], situation
        elif HELPS[situation.help] != ASKED:
            assert back == [(HELPS[situation.help], ASKED)], situation
            seen.add((situation.help, situation.microsoft))
    every = {(asked, half) for asked in ("none", "chosen") for half in ("invited and known", "declined")}
    assert seen == {*every, ("chosen", "invited")}


def test_help_is_not_asked_where_microsoft_takes_part_unasked() -> None:
    seen = 0
    for situation, decision, _ in decided():
        agree = agreement(decision)
        unasked = situation.microsoft == "took part unasked" and situation.base != "unknown"
        if agree and unasked and situation.help == "chosen" and not situation.ended:
            reasons = [each.reason for each in agree.plan.differences if each.name == HELP]
            assert reasons == [Reason.MICROSOFT_TAKES_PART], situation
            seen += 1
    assert seen


def test_a_win_is_registered_once_and_only_what_we_registered_is_corrected() -> None:
    found = [(situation, decision) for situation, decision, _ in decided() if isinstance(decision, Register)]
    first = [situation for situation, decision in found if not decision.corrects]
    assert {each.registration for each in first} == {"due"}
    assert {(each.referral, each.record, each.base) for each in first} == {("won", "won", "won")}
    assert {each.registration for each, decision in found if decision.corrects} == {"asked and corrected"}
    assert {each.remembered for each in first} == {True, False}


def test_whether_microsoft_still_asks_about_a_registration_is_read_and_not_remembered() -> None:
    seen = 0
    for situation, decision, needs in decided():
        asked_once = situation.registration == "once asked" and situation.remembered and situation.source == "crm"
        if asked_once and situation.referral == "won" and agreement(decision) and situation.base == "won":
            assert Need.REFERRAL_ITSELF in needs, situation
            seen += 1
    assert seen


def test_help_of_an_unknown_past_is_neither_taken_for_submitted_nor_asked_for() -> None:
    seen = Counter[object]()
    for situation, decision, _ in decided():
        if not isinstance(decision, Adopt) or situation.help == "none" or situation.ended:
            continue
        plan = decision.agree.plan
        reason = next((each.reason for each in plan.differences if each.name == HELP), None)
        if situation.microsoft == "absent":
            assert reason is Reason.HELP_UNTOLD, situation
        elif situation.microsoft == "took part unasked":
            assert reason is Reason.MICROSOFT_TAKES_PART, situation
        assert (HELP in plan.base) == (reason is None), situation
        seen[reason] += 1
    assert {None, Reason.HELP_UNTOLD, Reason.MICROSOFT_TAKES_PART} <= seen.keys()


# --- total, and no more curious than it has to be --------------------------------------------------------------------


def test_only_what_is_needed_is_read() -> None:
    """`step_by_step` refuses a piece that is known already; here it is counted what a decision costs at most.

    The holder, the intent and a copy's past are the ledger's: no remote call.
    """
    most = {"known": 0, "pause": 0, "orphan": 2, "not ours": 0, "release copy": 0, "create record": 1}
    for situation, decision, needs in decided():
        assert len(needs) == len(set(needs)), situation
        longer = situation.successor != "none" or situation.intent == "abandoned"
        assert len(needs) <= 4, situation
        assert len(set(needs) - {Need.HOLDER, Need.INTENT, Need.COPY}) <= (3 if longer else 2), situation
        kind = tell(decision).split(":")[0]
        moved = situation.record == "gone" or situation.successor != "none"
        if situation.source == "crm" and kind in most and situation.referral != "gone" and not moved:
            assert len(needs) <= most[kind], (situation, needs)


@pytest.mark.parametrize(
    ("source", "link", "need"),
    [
        ("partner center", "none", Need.REFERRAL),
        ("partner center", "ignored", Need.REFERRAL),
        ("crm", "none", Need.RECORD),
        ("crm", "ignored", Need.RECORD),
        ("partner center", "linked", Need.RECORD),
        ("crm", "orphaned", Need.RECORD),
    ],
)
def test_with_nothing_read_it_begins_where_the_seller_has_a_say(source: str, link: str, need: Need) -> None:
    """Whether Sync is on stands on the record, so a linked deal begins there, whoever told of it."""
    deal = replace(found(Situation(source, link)), referral=UNREAD, record=UNREAD)
    assert decide(deal, FIELD_MAP, policy_of(Situation())) is need


def test_any_set_of_known_pieces_yields_a_decision_or_asks_for_another() -> None:
    """Whatever else is known already, it neither fails nor asks for it again."""
    for number, (situation, _, _) in enumerate(decided()):
        if number % 7:
            continue
        known = {need for place, need in enumerate(Need) if (number // 7) >> place & 1}
        read: dict[str, Any] = dict(piece(situation, need) for need in Need if need in known)
        answer = decide(replace(found(situation), **read), field_map_of(situation), policy_of(situation))
        assert not isinstance(answer, Need) or answer not in known, situation


def test_the_table_is_complete_enough_to_mean_something() -> None:
    """A generator that forgot half of the world would leave every row used all the same."""
    for name, values in {
        "source": 2,
        "link": 5,
        "referral": 9,
        "record": 8,
        "sync": 3,
        "identifier": 4,
        "claimant": 7,
        "intent": 3,
        "successor": 8,
        "carrier": 3,
        "customer": 2,
        "neighbour": 4,
        "base": 7,
        "edited": 4,
        "window": 3,
        "read_only": 2,
        "help": 3,
        "microsoft": 5,
        "tied": 2,
        "toggled": 2,
        "shows": 3,
        "marks": 3,
        "copied": 3,
        "complete": 2,
        "legible": 2,
        "registration": 14,
        "remembered": 2,
    }.items():
        assert len({getattr(entry.situation, name) for entry in table()}) == values, name
    assert len(table()) > 160_000

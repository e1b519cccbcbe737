"""The forecast of the first run: every state that deals are found in, by the right kind, and without a single write."""

from __future__ import annotations

from collections import Counter

from shared.deal import RecordKey
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.tape import Step
from tests.support.fakes.world import World
from tests.tools.admin.adopt.town import STATES, Town
from tools.admin.adopt.forecast import TIES, Kind, Row
from tools.admin.adopt.refused import refuse
from tools.admin.adopt.survey import survey


def town(rounds: int = 1) -> Town:
    made = Town(World())
    made.populate(rounds)
    return made


def by_deal(found: Town) -> dict[tuple[str, str], Row]:
    return {(row.record_id, row.referral_id): row for row in survey(found.world.task)}


def test_every_state_is_told_and_nothing_is_written() -> None:
    found = town(2)
    before = found.snapshot()
    rows = by_deal(found)
    assert {deal: row.kind for deal, row in rows.items()} == found.expected
    assert {kind for _, kind in STATES} == set(Kind) - {Kind.LINKED}
    assert found.snapshot() == before
    assert found.world.links() == []
    assert not any(step.name in ("update", "create") for step in found.world.tape.steps)


def test_what_would_be_written_is_named_with_side_values_and_reason() -> None:
    found = Town(World())
    record_id, referral_id = found.pair(estimatedvalue=99, name="Renamed")
    (row,) = by_deal(found).values()
    assert [(each.side, each.field, each.old, each.new) for each in row.writes] == [
        ("crm", "name", "Renamed", "Deal 1"),
        ("partner_center", "deal_value", "1001", "99"),
    ]
    assert (row.record_id, row.referral_id, row.decision) == (record_id, referral_id, "yes")


def test_a_pair_by_likeness_is_a_persons_to_confirm_and_is_not_proposed_again_once_refused() -> None:
    found = Town(World())
    found.next()
    record_id, referral_id = found.record(name="Another name"), found.referral()
    (row,) = by_deal(found).values()
    assert (row.record_id, row.referral_id, row.decision) == (record_id, referral_id, "")
    assert row.score.reasons == (
        "same value and currency",
        "same customer name",
        "same postal code",
        "same closing date",
    )
    task = found.world.task
    refuse(task, RecordKey(task.name, task.field_map.table, record_id), referral_id)
    assert {(row.kind, row.record_id, row.referral_id) for row in survey(task)} == {
        (Kind.CREATE_REFERRAL, record_id, ""),
        (Kind.CREATE_RECORD, "", referral_id),
    }


def test_two_records_for_one_referral_are_both_told_of_each_other() -> None:
    found = Town(World())
    found.next()
    first, second, referral_id = found.record(), found.record(), found.referral()
    rows = by_deal(found)
    assert rows[first, referral_id].decision == rows[second, referral_id].decision == ""
    assert rows[second, referral_id].notes == (f"also proposed for {first}",)


def test_two_referrals_for_one_record_are_ambiguous() -> None:
    found = Town(World())
    found.next()
    record_id = found.record()
    one, other = found.referral(), found.referral()
    rows = by_deal(found)
    chosen, rival = sorted((one, other))
    assert rows[record_id, chosen].score.reasons[0] == f"1 more are about as likely: {rival}"
    assert rows[record_id, chosen].decision == ""
    assert rows["", rival].kind is Kind.CREATE_RECORD


def test_a_record_that_is_edited_while_the_survey_runs_is_told_as_it_is_now() -> None:
    found = Town(World())
    found.next()
    record_id = found.record()
    before = found.world.tape.before

    def edit(step: Step) -> None:
        if (step.port, step.name) == ("crm", "read"):
            before.remove(edit)
            found.crm.edit(record_id, name="Renamed")

    before.append(edit)
    (row,) = by_deal(found).values()
    assert (row.kind, row.name) == (Kind.CREATE_REFERRAL, "Renamed")


def test_the_tied_are_counted_and_the_app_forecasts_what_it_then_does() -> None:
    found = town()
    rows = by_deal(found)
    found.world.settle()
    found.world.recover()
    linked = {(link.record_id, link.referral_id) for link in found.world.links() if link.record}
    sure = {deal for deal, row in rows.items() if row.score.certain and row.kind in TIES}
    by_identifier = {deal for deal in sure if found.crm.row(deal[0])[IDENTIFIER] == deal[1]}
    assert by_identifier <= linked
    again = Counter(row.kind for row in survey(found.world.task))
    assert again[Kind.LINKED] >= len(by_identifier)
    assert again[Kind.WRITE] == again[Kind.LINK] == 0

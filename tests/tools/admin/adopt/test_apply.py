"""What a person confirms is performed, exactly that, once, and nothing is written anywhere else."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest

from shared.errors import DataError, ServiceUnavailable
from shared.link import LinkState
from shared.problems import problem
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.tape import Crash, Step
from tests.support.fakes.world import World
from tests.tools.admin.adopt.town import Town
from tools.admin.adopt import survey as surveying
from tools.admin.adopt.apply import Done, Result, apply
from tools.admin.adopt.forecast import CRM, PERFORMED, TIES, Kind, Row
from tools.admin.adopt.sheet import SheetRows, read_sheet
from tools.admin.adopt.survey import survey

OWN = ("cosell_referralidentifier", "cosell_referrallink", "cosell_audit", "cosell_syncstatus")
COLUMNS = {
    "name": "name",
    "deal_value": "estimatedvalue",
    "visible_to_microsoft": "cosell_referralvisibility",
    "marketplace_intent": "cosell_marketplaceintent",
}
OPTIONS = {"HaveNotDecided": 3}
PATHS = {
    "deal_value": ("details", "dealValue"),
    "visible_to_microsoft": ("consent", "consentToShareReferralWithMicrosoftSellers"),
    "externalReferenceId": ("externalReferenceId",),
}


@pytest.fixture(autouse=True)
def _one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fakes' tables may not grow while another thread walks them."""
    monkeypatch.setattr(surveying, "WORKERS", 1)


def sheet_of(rows: Iterable[Row], **decisions: str) -> bytes:
    """Return the file of a forecast; every row that can be is confirmed, but for kinds that are decided otherwise."""
    text = io.StringIO()
    sheet = SheetRows(text)
    for row in rows:
        sheet.add(row)
    lines = list(csv.DictReader(io.StringIO(text.getvalue())))
    for line in lines:
        if line["would"] in PERFORMED:
            line["decision"] = decisions.get(line["would"].replace(" ", "_"), "yes")
    edited = io.StringIO()
    writer = csv.DictWriter(edited, lines[0].keys())
    writer.writeheader()
    writer.writerows(lines)
    return edited.getvalue().encode("utf-8-sig")


def performed(town: Town, content: bytes) -> list[Done]:
    sheet = read_sheet(content)
    assert sheet.mistakes == ()
    return list(apply(town.world.task, sheet.orders))


def crm_changes(
    before: dict[str, dict[str, object]], after: dict[str, dict[str, object]]
) -> set[tuple[str, str, object]]:
    return {
        (record_id, column, value)
        for record_id, row in after.items()
        if record_id in before
        for column, value in row.items()
        if value != before[record_id][column] and column not in OWN
    }


def _leaves(body: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(body, dict):
        for name, value in body.items():
            yield from _leaves(value, (*path, name))
    else:
        yield path, body


def referral_changes(
    before: dict[str, dict[str, object]], after: dict[str, dict[str, object]]
) -> set[tuple[str, tuple[str, ...], str]]:
    moving = {("eTag",), ("updatedDateTime",)}
    return {
        (referral_id, path, str(value))
        for referral_id, row in after.items()
        if referral_id in before
        for path, value in _leaves(row)
        if path not in moving and value != dict(_leaves(before[referral_id])).get(path)
    }


def spelled(value: str) -> str:
    return {"Yes": "True", "No": "False"}.get(value, value)


@pytest.mark.parametrize("rounds", [2, pytest.param(84, marks=pytest.mark.slow)])
def test_apply_does_exactly_what_was_forecast_and_a_second_forecast_proposes_nothing(rounds: int) -> None:
    assert move_in(rounds) >= 12 * rounds


def move_in(rounds: int) -> int:
    """Move a town in, field by field as was forecast; returns how many deals the forecast had."""
    town = Town(World())
    town.populate(rounds)
    rows = list(survey(town.world.task))
    before_crm, before_there = town.snapshot()
    done = performed(town, sheet_of(rows))
    assert Counter(each.result for each in done) == {Result.DONE: sum(row.kind in PERFORMED for row in rows)}
    after_crm, after_there = town.snapshot()

    tied = [row for row in rows if row.kind in TIES]
    assert crm_changes(before_crm, after_crm) == {
        (row.record_id, COLUMNS[each.field], OPTIONS.get(each.new, each.new))
        for row in rows
        if row.kind in PERFORMED
        for each in row.writes
        if each.side == CRM
    }
    given = {
        (row.referral_id, PATHS[each.field], spelled(each.new))
        for row in tied
        for each in row.writes
        if each.side != CRM
    }
    made = {row.referral_id for row in rows if row.kind is Kind.CREATE_RECORD}
    changed = {each for each in referral_changes(before_there, after_there) if each[0] not in made}
    assert changed == given

    untouched = [row for row in rows if row.kind not in PERFORMED]
    assert all(after_crm[row.record_id] == before_crm[row.record_id] for row in untouched if row.record_id)
    for row in untouched:
        if row.referral_id in before_there:
            assert after_there[row.referral_id] == before_there[row.referral_id]

    kinds = Counter(row.kind for row in rows)
    assert len(after_crm) - len(before_crm) == kinds[Kind.CREATE_RECORD]
    assert len(after_there) - len(before_there) == kinds[Kind.CREATE_REFERRAL]
    links = {(link.record_id, link.referral_id) for link in town.world.links() if link.state is LinkState.LINKED}
    assert len(links) == sum(kinds[kind] for kind in PERFORMED)
    assert {(row.record_id, row.referral_id) for row in tied} <= links
    assert all(after_crm[row.record_id][IDENTIFIER] == row.referral_id for row in tied)

    again = Counter(row.kind for row in survey(town.world.task))
    assert [again[kind] for kind in PERFORMED] == [0] * len(PERFORMED)
    assert again[Kind.LINKED] == len(links)
    return len(rows)


def test_the_app_agrees_with_what_was_performed() -> None:
    town = Town(World())
    town.populate(1)
    performed(town, sheet_of(survey(town.world.task)))
    linked = {link.referral_id for link in town.world.links()}
    before = town.snapshot()
    mark = town.world.mark()
    town.world.settle()
    kept, there = town.snapshot()
    ours = {link.record_id for link in town.world.links() if link.referral_id in linked}
    assert {key: row for key, row in kept.items() if key in ours} == {k: r for k, r in before[0].items() if k in ours}
    assert {key: there[key] for key in linked} == {key: before[1][key] for key in linked}
    assert "partner_center.create" not in town.world.calls(mark)


def test_only_what_is_confirmed_is_performed() -> None:
    town = Town(World())
    town.populate(1)
    rows = list(survey(town.world.task))
    done = performed(town, sheet_of(rows, link="", write="no", differs="", create_record=""))
    results = Counter((each.order.kind, each.result) for each in done)
    assert results[Kind.CREATE_REFERRAL, Result.DONE] == sum(row.kind is Kind.CREATE_REFERRAL for row in rows) == 1
    assert results[Kind.WRITE, Result.REFUSED] == sum(row.kind is Kind.WRITE for row in rows)
    assert sum(results.values()) == len(done)
    assert len(town.world.links()) == 1


def test_nothing_is_written_when_the_deal_changed_since() -> None:
    town = Town(World())
    value, name = town.pair(estimatedvalue=99), town.pair()
    content = sheet_of(survey(town.world.task))
    town.crm.edit(value[0], estimatedvalue=100)
    town.crm.edit(name[0], **{SYNC: False})
    before = town.snapshot()
    done = performed(town, content)
    assert [each.result for each in done] == [Result.CHANGED, Result.CHANGED]
    assert "deal_value in Partner Center: 1001 → 100" in done[0].text
    assert "not shared" in done[1].text
    assert town.snapshot() == before
    assert town.world.links() == []


@pytest.mark.parametrize("seed", range(3))
def test_an_interrupted_run_is_finished_by_another_one(seed: int) -> None:
    town = Town(World(seed))
    town.populate(2)
    rows = list(survey(town.world.task))
    content = sheet_of(rows)
    writes = 0

    def interrupt(step: Step) -> None:
        nonlocal writes
        writes += step.name in ("update", "create", "links.commit")
        if writes == 3 + 14 * seed:
            raise Crash

    town.world.tape.after.append(interrupt)
    with pytest.raises(Crash):
        performed(town, content)
    town.world.tape.after.clear()
    town.world.clock.advance(timedelta(minutes=11))
    results = Counter(each.result for each in performed(town, content))
    assert set(results) == {Result.DONE, Result.BEFORE}
    assert results.total() == sum(row.kind in PERFORMED for row in rows)
    assert results[Result.BEFORE] > 0
    third = Counter(each.result for each in performed(town, content))
    assert third == {Result.BEFORE: results.total()}
    names = [str(row["name"]) for row in town.partner_center.ours()]
    assert Counter(names).most_common(1)[0][1] == 1


def test_a_refusal_of_one_deal_is_told_and_the_others_go_on() -> None:
    town = Town(World())
    town.pair(name="One"), town.pair(name="Two")
    content = sheet_of(survey(town.world.task))
    refused = DataError(problem("crm.refused", "name", crm="Dynamics 365", message="the name is reserved"))
    town.world.tape.fail(refused, "crm", "update")
    done = performed(town, content)
    assert [each.result for each in done] == [Result.FAILED, Result.DONE]
    assert "the name is reserved" in done[0].text


def test_a_service_that_pauses_is_waited_for() -> None:
    town = Town(World())
    town.pair(name="One")
    content = sheet_of(survey(town.world.task))
    town.world.tape.fail(ServiceUnavailable("busy", retry_after=30), "partner_center", "read", times=2)
    assert [each.result for each in performed(town, content)] == [Result.DONE]


def test_what_microsofts_connector_wrote_stays_below_our_lines() -> None:
    town = Town(World())
    record_id, _ = town.pair(cosell_audit="2025-01-02 10:11 Partner Center Referral to CRM sync success.\nmine")
    performed(town, sheet_of(survey(town.world.task)))
    ours, *earlier = str(town.crm.row(record_id)["cosell_audit"]).split("\n")
    assert "linked" in ours or "⇄" in ours
    assert earlier[-2:] == ["2025-01-02 10:11 Partner Center Referral to CRM sync success.", "mine"]

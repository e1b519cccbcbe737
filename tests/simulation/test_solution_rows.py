"""Solutions that the CRM keeps in rows of their own: they travel, and nothing is cleared for want of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from shared.crm.port import ChangePage, Record
from shared.crm.rows_watch import Touched, Watch, parted
from shared.crm.solution_rows import Row, SolutionRows, solution_rows
from shared.lifecycle import Stage
from shared.mapping.field_map import FieldMap
from shared.status import StatusKind
from tests.simulation.deals import invited
from tests.support.fakes.crm import FakeCrm
from tests.support.fakes.partner_center import SOLUTION
from tests.support.fakes.referral_rules import SOLUTIONS, at
from tests.support.fakes.world import World
from tests.support.solution_rows import mapping

OTHER = "SOL-40771-ABC"


class RowsCrm(FakeCrm):
    """A CRM with a table of solutions; a change of its rows changes no record."""

    solutions: dict[str, dict[str, str]]
    written: list[Touched]
    reader: SolutionRows

    def with_rows(self, field_map: FieldMap) -> RowsCrm:
        self.solutions, self.written, self.reader = {}, [], solution_rows(field_map)
        return self

    def sells(self, record_id: str, **names: str) -> None:
        """A seller puts the solutions on the deal, by id with underscores."""
        self.solutions[record_id] = {each.replace("_", "-"): name for each, name in names.items()}
        number = f"{len(self.written):06}"
        self.written.append(Touched(number, record_id, number))

    def _solutions_of(self, ids: Sequence[str]) -> Iterator[Row]:
        return ((each, *row) for each in ids for row in self.solutions.get(each, {}).items())

    def _bare(self, record: Record) -> Record:
        return replace(
            record, columns={name: each for name, each in record.columns.items() if name != "cosell_products"}
        )

    def _filled(self, record: Record) -> Record:
        return self.reader.into([self._bare(record)], self._solutions_of)[0]

    def read(self, record_id: str) -> Record:
        return self._filled(super().read(record_id))

    def find(self, referral_id: str) -> Record | None:
        found = super().find(referral_id)
        return self._filled(found) if found else None

    def changes(self, cursor: str | None) -> Iterator[ChangePage]:
        own, mark = parted(cursor)
        bare = (replace(page, records=tuple(map(self._bare, page.records))) for page in super().changes(own))
        return Watch(self.reader, self._solutions_of, self._touched, self.read).follow(bare, mark)

    def _touched(self, since: str | None) -> list[Touched]:
        return self.written[-1:] if since is None else [each for each in self.written if each.stamp >= since]


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(closed_rows_are_read_only=False)
    field_map = mapping("dynamics365", tmp_path)
    world.crm = RowsCrm(world.tape, world.clock, world.chance).with_rows(field_map)
    world.crm.closed_rows_are_read_only = False
    world.connect(world.crm, field_map)
    return world


def crm(world: World) -> RowsCrm:
    assert isinstance(world.crm, RowsCrm)
    return world.crm


def sold(world: World, referral_id: str) -> list[str]:
    return sorted(each["id"] for each in at(world.partner_center.rows[referral_id], SOLUTIONS))


def shared(world: World, **names: str) -> tuple[str, str]:
    record_id = world.crm.add_deal()
    crm(world).sells(record_id, **(names or {"SOL_20311_QXT": "Insight Hub"}))
    world.settle()
    link = world.link_of_record(record_id)
    assert link
    return link.referral_id, record_id


def test_a_new_referral_has_the_rows_and_the_audit_their_names(world: World) -> None:
    referral_id, _ = shared(world, SOL_20311_QXT="Insight Hub", SOL_40771_ABC="Stock View")
    assert sold(world, referral_id) == [SOLUTION, OTHER]
    assert "SOL-20311-QXT (Insight Hub)" in world.history()
    assert world.link().status.kind is StatusKind.SYNCHRONIZED  # type: ignore[union-attr]
    since = world.mark()
    world.recover()
    assert not {name for name in world.calls(since) if name.endswith("update")}


def test_a_row_that_is_added_by_itself_travels_once(world: World) -> None:
    referral_id, record_id = shared(world)
    since = world.mark()
    crm(world).sells(record_id, SOL_20311_QXT="Insight Hub", SOL_40771_ABC="Stock View")
    world.settle()
    assert world.calls(since)["partner_center.update"] == 1
    assert sold(world, referral_id) == [SOLUTION, OTHER]
    assert "SOL-40771-ABC (Stock View)" in world.history()


def test_without_rows_nothing_is_shared_and_the_record_says_why(world: World) -> None:
    record_id = world.crm.add_deal()
    world.settle()
    (parked,) = world.parked()
    assert [each.code for each in parked.problems] == ["deal.solutions_missing"]
    crm(world).sells(record_id, SOL_20311_QXT="Insight Hub")
    world.settle()
    assert world.link_of_record(record_id)


def test_a_wrong_id_in_a_row_is_refused_before_any_call(world: World) -> None:
    record_id = world.crm.add_deal()
    crm(world).sells(record_id, **{"Insight Hub": "Insight Hub"})
    since = world.mark()
    world.settle()
    (parked,) = world.parked()
    assert [each.code for each in parked.problems] == ["solutions.malformed"]
    assert not [name for name in world.calls(since) if name.startswith("partner_center")]


def test_rows_that_are_all_taken_away_clear_nothing(world: World) -> None:
    referral_id, record_id = shared(world)
    crm(world).sells(record_id)
    world.crm.edit(record_id, description="None now.")
    world.settle()
    assert sold(world, referral_id) == [SOLUTION]
    assert world.parked() == []
    assert world.link().status.kind is StatusKind.SYNCHRONIZED  # type: ignore[union-attr]


def test_what_partner_center_changes_stays_there_and_is_said(world: World) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.edit(referral_id, {SOLUTIONS: [{"type": "Name", "id": OTHER}]})
    world.settle()
    assert sold(world, referral_id) == [OTHER]
    status = world.link().status
    assert status
    assert status.text.startswith("✔")
    assert "kept: products" in status.text
    world.recover()
    assert sold(world, referral_id) == [OTHER]
    crm(world).sells(record_id, SOL_40771_ABC="Stock View")
    world.crm.edit(record_id, description="The same on both sides.")
    world.settle()
    assert "kept" not in world.link().status.text  # type: ignore[union-attr]


def test_an_inbound_deal_without_rows_is_in_agreement_and_gets_them_later(world: World) -> None:
    referral_id, record_id = invited(world)
    world.partner_center.accept(referral_id)
    world.settle()
    assert world.link().status.kind is StatusKind.SYNCHRONIZED  # type: ignore[union-attr]
    since = world.mark()
    world.crm.edit(record_id, estimatedvalue=50_000)
    world.settle()
    assert sold(world, referral_id) == [SOLUTION]
    assert world.calls(since)["partner_center.update"] == 1
    crm(world).sells(record_id, SOL_20311_QXT="Insight Hub", SOL_40771_ABC="Stock View")
    world.crm.edit(record_id, estimatedvalue=60_000)
    world.settle()
    assert sold(world, referral_id) == [SOLUTION, OTHER]


def test_a_win_needs_no_rows(world: World) -> None:
    referral_id, record_id = invited(world)
    world.partner_center.accept(referral_id)
    world.settle()
    world.crm.close(record_id, Stage.WON)
    world.settle()
    assert world.partner_center.rows[referral_id]["substatus"] == "Won"


def test_a_row_that_says_nothing_new_costs_a_look_and_no_write(world: World) -> None:
    _, record_id = shared(world)
    since = world.mark()
    crm(world).sells(record_id, SOL_20311_QXT="Insight Hub, renamed")
    world.settle()
    assert not {name for name in world.calls(since) if name.endswith("update")}


def test_a_row_that_is_added_behind_our_own_write_is_not_taken_for_its_echo(world: World) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.edit(referral_id, {"/details/notes": "Signed."})
    world.receive_all()
    world.pump()  # The record was written, and its echo waits in the change feed.
    crm(world).sells(record_id, SOL_20311_QXT="Insight Hub", SOL_40771_ABC="Stock View")
    world.settle()
    assert sold(world, referral_id) == [SOLUTION, OTHER]

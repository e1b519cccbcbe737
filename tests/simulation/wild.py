"""Wild histories: people copy, merge, delete, restore and retype, automation interferes, and partners join."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from shared.lifecycle import Stage
from tests.simulation.histories import History
from tests.support.fakes.crm import IDENTIFIER, SYNC
from tests.support.fakes.crm_rules import CrmRow


@dataclass
class WildHistory(History):
    """A history in which everything is done to a deal that may be done to it, and the app is watched at every write.

    `harm` is what the app must never do: write a record that its seller did not share, or a closed or foreign referral.
    """

    automation: bool = False
    harm: list[str] = field(default_factory=list)
    _gone: dict[str, CrmRow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.world.crm.keyed = self.chance.random() < 0.5
        self.world.crm.watchers.append(self._watch_record)
        self.world.partner_center.watchers.append(self._watch_referral)
        if self.automation:
            self.world.crm.logic.append(self._plug_in)

    def _watch_record(self, record_id: str, row: CrmRow) -> None:
        # A record that was shared on its seller's word is tied, even if the word is taken back at this very moment.
        being_shared = self.world.ledger.of("dynamics365").intents.of(self.world.task.key(record_id))
        if not row[SYNC] and self.world.link_of_record(record_id) is None and not being_shared:
            self.harm.append(f"wrote the record {record_id}, which is not shared")

    def _watch_referral(self, row: dict[str, object], ours: bool) -> None:
        if not ours or row["status"] == "Closed":
            self.harm.append(f"wrote the {row['status']} referral {row['id']} of {row['organizationName']}")

    def _plug_in(self, row: CrmRow) -> CrmRow:
        """Round a value, as a customer's own logic may."""
        value = row["estimatedvalue"]
        return {"estimatedvalue": value + 1} if isinstance(value, int) and value % 7 == 0 else {}

    def _acts(self) -> list[tuple[int, Callable[[], None]]]:
        return [
            *super()._acts(),
            (2, self._clone),
            (2, self._merge),
            (2, self._delete),
            (2, self._restore),
            (4, self._switch),
            (2, self._reopen),
            (2, self._retype_identifier),
            (2, self._partner_joins),
            (1, self._choose_help),
        ]

    def _record(self, *, still_open: bool = True) -> str | None:
        rows = [row_id for row_id, row in self.world.crm.rows().items() if row["statecode"] == 0 or not still_open]
        return self.chance.choice(rows) if rows else None

    def _clone(self) -> None:
        record_id = self._record(still_open=False)
        if record_id:
            emptied = {IDENTIFIER: None} if self.world.crm.keyed or self.chance.random() < 0.5 else {}
            self.world.crm.clone(record_id, **emptied)

    def _merge(self) -> None:
        winner, loser = self._record(), self._record()
        if winner and loser and winner != loser:
            self.world.crm.merge(loser, winner)

    def _delete(self) -> None:
        record_id = self._record(still_open=False)
        if record_id:
            self._gone[record_id] = self.world.crm.row(record_id)
            self.world.crm.delete(record_id)

    def _restore(self) -> None:
        if self._gone:
            record_id = self.chance.choice(list(self._gone))
            row = self._gone.pop(record_id)
            taken = any(each[IDENTIFIER] == row[IDENTIFIER] for each in self.world.crm.rows().values())
            if not (self.world.crm.keyed and taken and row[IDENTIFIER]):
                self.world.crm.restore(record_id, row)

    def _switch(self) -> None:
        record_id = self._record()
        if record_id:
            self.world.crm.edit(record_id, **{SYNC: not self.world.crm.row(record_id)[SYNC]})

    def _reopen(self) -> None:
        closed = [row_id for row_id, row in self.world.crm.rows().items() if row["statecode"] != 0]
        if closed:
            self.world.crm.reopen(self.chance.choice(closed))

    def _retype_identifier(self) -> None:
        record_id = self._record()
        if record_id is None:
            return
        others = [row["id"] for row in self.world.partner_center.rows.values()]
        wanted = self.chance.choice([None, "REF-1", "11111111-2222-4333-8444-555555555555", *others])
        taken = any(each[IDENTIFIER] == wanted for each in self.world.crm.rows().values())
        if not (self.world.crm.keyed and taken and wanted):
            self.world.crm.edit(record_id, **{IDENTIFIER: wanted})

    def _partner_joins(self) -> None:
        rows = self.world.partner_center.ours()
        if rows:
            self.world.partner_center.partner_joins(self.chance.choice(rows)["engagementId"])

    def _choose_help(self) -> None:
        record_id = self._record()
        if record_id:
            self.world.crm.edit(record_id, cosell_howcanmicrosofthelp=self.chance.choice((None, 2, 3)))

    def _close_record(self) -> None:
        record_id = self._record()
        if record_id:
            self.world.crm.close(record_id, self.chance.choice((Stage.WON, Stage.LOST)))

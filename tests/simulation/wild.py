"""Wild histories: people copy, merge, delete, restore and retype, automation interferes, and partners join."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from shared.ledger.model import DueKind
from shared.lifecycle import Stage
from tests.simulation.histories import COLUMNS, DEALS, NOTES, Edit, History
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import SYNC, CrmRow
from tests.support.fakes.partner_center import CONTOSO
from tests.support.fakes.tape import Step


def _fights(row: CrmRow) -> CrmRow:
    return {"description": "always the same"} if row["description"] != "always the same" else {}


def _flips(row: CrmRow) -> CrmRow:
    return {"cosell_products": "SOL-1-AAA" if row["cosell_products"] != "SOL-1-AAA" else "SOL-2-BBB"}


def _grows(row: CrmRow) -> CrmRow:
    return {"estimatedvalue": float(str(row["estimatedvalue"] or 0)) + 1}


def _toggles(row: CrmRow) -> CrmRow:
    return {SYNC: not row[SYNC]}


def _clears_identifier(row: CrmRow) -> CrmRow:
    return {IDENTIFIER: None} if row[IDENTIFIER] else {}


PLUG_INS = (_fights, _flips, _grows, _toggles, _clears_identifier)
"""Automation that never comes to rest by itself."""


@dataclass
class WildHistory(History):
    """A history in which everything is done to a deal that may be done to it, and the app is watched at every write.

    `harm` is what the app must never do: write a record that its seller did not share, or a closed or foreign referral.
    `written` is when it last wrote to a referral, `ended` which of them people closed.
    """

    automation: bool = False
    slow_guard: bool = False
    mass_deals: int = 25
    harm: list[str] = field(default_factory=list)
    written: dict[str, datetime] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    _gone: dict[str, CrmRow] = field(default_factory=dict)

    @classmethod
    def of_seed(cls, seed: int, *, automation: bool, only: frozenset[int] | None = None) -> WildHistory:
        """Return a seed's wild history: nothing fails in some, some CRMs lock what is closed or guard by the second."""
        return cls(
            seed,
            steps=150,
            calm=seed % 3 == 0,
            closes_records=True,
            read_only=seed % 2 == 0,
            automation=automation,
            slow_guard=seed % 7 == 6,
            mass_deals=1 if seed % 5 == 0 else 25,
            only=only,
        )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.world.crm.slow_guard = self.slow_guard
        self.world.crm.keyed = self.chance.random() < 0.5
        self.world.crm.watchers.append(self._watch_record)
        self.world.partner_center.watchers.append(self._watch_referral)
        self.world.configure(mass_deals=self.mass_deals)
        if self.automation:
            self.world.crm.logic.append(self._plug_in)

    def _watch_record(self, record_id: str, row: CrmRow) -> None:
        # A record that was shared on its seller's word is tied, even if the word is taken back at this very moment.
        # So is one on which it was said why it cannot be shared: that is taken back.
        key, ledger = self.world.task.key(record_id), self.world.ledger.of("dynamics365")
        known = ledger.links.of_record(key) or ledger.intents.of(key) or ledger.agenda.of(DueKind.PARKED, key.deal)
        if not row[SYNC] and known is None:
            self.harm.append(f"wrote the record {record_id}, which is not shared")

    def _watch_referral(self, row: dict[str, object], ours: bool) -> None:
        self.written[str(row["id"])] = self.world.clock.now()
        if not ours or row["status"] == "Closed":
            self.harm.append(f"wrote the {row['status']} referral {row['id']} of {row['organizationName']}")

    def _plug_in(self, row: CrmRow) -> CrmRow:
        """Round a value, as a customer's own logic may."""
        value = row["estimatedvalue"]
        return {"estimatedvalue": value + 1} if isinstance(value, int) and value % 7 == 0 else {}

    def _automate(self) -> None:
        """Put a plug-in in or out, which acts within the app's writes or once they were answered."""
        places = (self.world.crm.logic, self.world.crm.later)
        place = self.chance.choice(places)
        if place and self.chance.random() < 0.4:
            place.pop()
        elif sum(map(len, places)) < 2:
            place.append(self._newer(self.chance.choice(PLUG_INS)))

    def _newer(self, plug_in: Callable[[CrmRow], CrmRow]) -> Callable[[CrmRow], CrmRow]:
        """Let what a plug-in changes be the newest edit, in place of one at the record of which no trace is left.

        An edit in Partner Center was written over by the app, or brought by it: that is to be told, whoever changes it.
        """

        def act(row: CrmRow) -> CrmRow:
            changes = plug_in(row)
            for key, edit in list(self.edits.items()):
                column = COLUMNS[edit.pointer]
                if key[0] == "record" and column in changes and str(row[column]).startswith(edit.shown):
                    del self.edits[key]
            return changes

        return act

    def _refuse_closing(self) -> None:
        self.world.crm.refused_closing = self.chance.choice(("", "The deal has open tasks."))

    def _edit_within_a_write(self) -> None:
        """A seller saves the record at the very moment at which the app is about to write."""
        before = self.world.tape.before

        def edit(step: Step) -> None:
            if step.port == "crm" and step.name == "update":
                before.remove(edit)
                self._edit_record()

        before.append(edit)

    def _edit_after_the_end(self) -> None:
        """A seller goes on with a deal that has ended; Dynamics 365 refuses that."""
        ended = [row_id for row_id, row in self.world.crm.rows().items() if row["statecode"] != 0]
        if ended and not self.read_only:
            record_id, (value, shown) = self.chance.choice(ended), self._value(NOTES)
            self.world.crm.edit(record_id, description=value)
            self.edits["record", record_id, NOTES] = Edit(NOTES, shown)

    def _close_all(self) -> None:
        """Somebody loses every deal in one go, as a mass edit of a list does."""
        for record_id, row in self.world.crm.rows().items():
            if row["statecode"] == 0:
                self.world.crm.close(record_id, Stage.LOST)

    def _partner_edits(self) -> None:
        theirs = [row["id"] for row in self.world.partner_center.rows.values() if row["organizationId"] == CONTOSO]
        if theirs:
            self.world.partner_center.edit(self.chance.choice(theirs), {NOTES: f"theirs {self.chance.random()}"})

    def _close_referral(self) -> None:
        before = self._closed_referrals()
        super()._close_referral()
        self.ended |= self._closed_referrals() - before

    def _closed_referrals(self) -> set[str]:
        return {str(row["id"]) for row in self.world.partner_center.ours() if row["status"] == "Closed"}

    def closed_by_the_app(self) -> list[datetime]:
        """Return when the app closed referrals, in order."""
        return sorted(self.written[each] for each in self._closed_referrals() - self.ended if each in self.written)

    def acts(self) -> list[tuple[int, Callable[[], None]]]:
        automation = [(3, self._automate), (1, self._refuse_closing)] if self.automation else []
        return [
            *super().acts(),
            *automation,
            *([(4, self._close_all)] if self.mass_deals < DEALS else []),
            (2, self._edit_within_a_write),
            (4, self._edit_after_the_end),
            (2, self._partner_edits),
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

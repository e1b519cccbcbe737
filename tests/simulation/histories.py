"""Random histories: people on both sides edit, while messages are lost, doubled and shuffled and the app dies.

A history is a list of acts, each with a chance of its own: without one of them the others stay as they are, so that a
history that fails can be made shorter until nothing of it is in vain (tests/simulation/replay.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from shared.errors import CosellError
from shared.lifecycle import Stage
from shared.link import LinkState
from tests.oracle import sides
from tests.oracle.spelling import BY_NAME, Body
from tests.oracle.wishes import HERE, THERE, Wishes
from tests.simulation.deals import HELP
from tests.simulation.troubles import Troubles
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.referral_rules import at
from tests.support.fakes.world import World

DEALS = 3
TWICE = 0.1
"""How likely it is that a message is delivered once more."""
VALUE, NOTES, CLOSING = "/details/dealValue", "/details/notes", "/details/closingDateTime"
COLUMNS = {VALUE: "estimatedvalue", NOTES: "description", CLOSING: "estimatedclosedate"}
NAMES = {VALUE: "deal_value", NOTES: "notes", CLOSING: "closing_date"}

UNHEARD = (
    "a process dies before a step",
    "a process dies after a step",
    "an answer is lost",
    "the storage is down",
    "the storage answers late that it is down",
    "a stored row is somebody else's",
)
"""Troubles that may strike between a write and its commit."""


@dataclass
class Edit:
    """The newest edit of one field on one side, as the audit would show its value."""

    pointer: str
    shown: str


@dataclass
class History:
    """One seeded history. `calm`: nobody dies and nothing fails. `closes_records`: sellers win and lose, too.

    `only` are the numbers of the acts that happen; None for all.
    """

    seed: int
    steps: int = 30
    calm: bool = False
    closes_records: bool = False
    skew: timedelta = timedelta()
    read_only: bool = True
    only: frozenset[int] | None = None
    edits: dict[tuple[str, str, str], Edit] = field(default_factory=dict)
    """By side, row and field."""
    wishes: Wishes = field(default_factory=Wishes)
    counts: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    """The acts that happened, by number and name."""

    @classmethod
    def of(cls, seed: int, only: frozenset[int] | None = None) -> History:
        """Return the history of a seed: in every second one sellers close deals, in some a clock is a day wrong."""
        days = {1: -1, 3: 1}.get(seed % 5, 0)
        return cls(seed, closes_records=seed % 2 == 1, skew=timedelta(days=days), only=only)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.world = World(self.seed, skew=self.skew, closed_rows_are_read_only=self.read_only)
        self.world.queue.shuffle = Random(self.seed)
        self.world.queue.twice = TWICE
        self.troubles = Troubles(self.world, lambda: self.chance)
        self.troubles.struck["another system's clock is a day wrong"] += bool(self.skew)
        self._serial = 0

    def live(self) -> World:
        """Let it happen, and then let everything come to rest."""
        self.world.reconcile()  # What happened before the app's first sweep is older business.
        acts = self.acts()
        weights = [weight for weight, _ in acts]
        ahead = Random(self.seed)
        chosen = [(ahead.choices(acts, weights)[0][1], ahead.getrandbits(64)) for _ in range(self.steps)]
        for number, (act, seed) in enumerate(chosen):
            if self.only is None or number in self.only:
                self.chance = Random(seed)
                self.told.append(f"{number:3}  {act.__name__.strip('_').replace('_', ' ')}")
                act()
        self.rest()
        return self.world

    def rest(self) -> None:
        """Let nothing go wrong any more, and everything come to rest."""
        self.troubles.end()
        self.world.queue.twice = 0  # A message that is put back and doubled each time would never end.
        self.world.settle()
        self.world.recover()
        self.world.queue.twice = TWICE

    def acts(self) -> list[tuple[int, Callable[[], None]]]:
        world = self.world
        acts: list[tuple[int, Callable[[], None]]] = [
            (4, self._new_deal),
            (14, self._edit_record),
            (14, self._edit_referral),
            (2, self._close_referral),
            (14, self._deliver_some),
            (10, world.poll),
            (14, self._work_some),
            (3, world.reconcile),
            (6, self._wait),
        ]
        if self.closes_records:
            acts.append((2, self._close_record))
        return acts if self.calm else [*acts, *self.troubles.acts()]

    # --- people ----------------------------------------------------------------------------------------------------

    def _new_deal(self) -> None:
        if self.counts["deals"] >= DEALS:
            return
        self.counts["deals"] += 1
        kind = self.chance.randrange(4)
        if kind == 0:
            self.world.partner_center.invites_us()
        elif kind == 1:
            self.world.partner_center.registers()
        else:
            self.world.crm.add_deal(cosell_howcanmicrosofthelp=HELP if kind == 2 else None)

    def _value(self, pointer: str) -> tuple[object, str]:
        """Return a value that nobody used before, and how the audit shows it."""
        self._serial += 1
        if pointer == VALUE:
            return 100_000 + self._serial, str(100_000 + self._serial)
        if pointer == NOTES:
            return f"note {self._serial:05}", f"note {self._serial:05}"
        day = date(2028, 1, 1) + timedelta(days=self._serial)
        return day.isoformat(), day.isoformat()

    def _edit_record(self) -> None:
        rows = [row_id for row_id, row in self.world.crm.rows().items() if row["statecode"] == 0]
        if not rows:
            return
        record_id, pointer = self.chance.choice(rows), self.chance.choice(list(COLUMNS))
        value, shown = self._value(pointer)
        self._wish(HERE, record_id, pointer, shown)
        self.world.crm.edit(record_id, **{COLUMNS[pointer]: value})
        self.edits["record", record_id, pointer] = Edit(pointer, shown)
        self.counts["edits"] += 1

    def _edit_referral(self) -> None:
        rows = [row for row in self.world.partner_center.ours() if row["status"] != "Closed"]
        if not rows:
            return
        row, pointer = self.chance.choice(rows), self.chance.choice(list(COLUMNS))
        value, shown = self._value(pointer)
        self._wish(THERE, row["id"], pointer, shown)
        self.world.partner_center.edit(row["id"], {pointer: f"{value}T00:00:00Z" if pointer == CLOSING else value})
        self.edits["referral", row["id"], pointer] = Edit(pointer, shown)
        self.counts["edits"] += 1

    def _wish(self, side: str, row_id: str, pointer: str, shown: str) -> None:
        """Tell the model of an edit that is about to happen, and what both sides had agreed on before it."""
        name, pair = NAMES[pointer], self._pair(side, row_id)
        if pair and sides.says_the_same(*self._rows(*pair), name):
            self.wishes.agreed(*pair, name)
        self.wishes.edited(side, row_id, name, BY_NAME[name].here(shown))

    def _pair(self, side: str, row_id: str) -> tuple[str, str] | None:
        """Return the ids of record and referral that belong together, by what people see of them."""
        records, referrals = self.world.crm.rows(), self.world.partner_center.rows
        if side == HERE:
            referral_id = str(records[row_id][IDENTIFIER])
            return (row_id, referral_id) if referral_id in referrals else None
        return next(((each, row_id) for each, row in records.items() if row[IDENTIFIER] == row_id), None)

    def _rows(self, record_id: str, referral_id: str) -> tuple[Body, Body]:
        return self.world.partner_center.rows[referral_id], self.world.crm.row(record_id)

    def _close_referral(self) -> None:
        rows = [row for row in self.world.partner_center.ours() if row["status"] != "Closed"]
        if rows:
            self.world.partner_center.close(self.chance.choice(rows)["id"], self.chance.choice(("Won", "Lost")))
            self.counts["edits"] += 1

    def _close_record(self) -> None:
        rows = [row_id for row_id, row in self.world.crm.rows().items() if row["statecode"] == 0]
        if rows:
            self.world.crm.close(self.chance.choice(rows), self.chance.choice((Stage.WON, Stage.LOST)))
            self.counts["edits"] += 1

    # --- the platform ----------------------------------------------------------------------------------------------

    def _deliver_some(self) -> None:
        """Deliver events in any order, some of them twice."""
        events = self.world.events
        self.troubles.shuffled(events)
        for _ in range(self.chance.randint(0, len(events))):
            event = events.pop()
            try:
                self.world.receive(event)
                if self.troubles.doubles():
                    self.world.another_receiver()  # which takes it, too, so that the worker has to know it
                    self.world.receive(event)
            except CosellError:
                events.append(event)  # It is answered with 500, and comes again.

    def _work_some(self) -> None:
        for message in self.world.queue.due()[: self.chance.randint(1, 4)]:
            try:
                self.world.handle(message)
            except CosellError:  # The host shows it again, as host.json says.
                message.visible_at = self.world.clock.now() + timedelta(seconds=30)

    def _wait(self) -> None:
        self.world.clock.advance(timedelta(seconds=self.chance.choice((1, 10, 60, 600, 3600))))

    def _closed(self, side: str, row_id: str) -> bool:
        if side == "record":
            return self.world.crm.row(row_id)["statecode"] != 0
        return bool(self.world.partner_center.rows[row_id]["status"] == "Closed")

    # --- looking ---------------------------------------------------------------------------------------------------

    def lost_edits(self) -> list[str]:
        """Return the newest edits of a field and side that are neither on both sides nor in the audit (P1)."""
        lost = []
        for (side, row_id, _), edit in self.edits.items():
            links = self.world.ledger.of("dynamics365").links
            link = self.world.link_of_record(row_id) if side == "record" else links.of_referral(row_id)
            if link is None or link.state is LinkState.IGNORED:
                if not self._closed(side, row_id):  # Before the app heard of it, which is its own business then.
                    lost.append(f"{side} {edit}: no link")
                continue
            values = (
                str(at(self.world.partner_center.rows[link.referral_id], edit.pointer)),
                str(self.world.crm.row(link.record_id)[COLUMNS[edit.pointer]]),
            )
            everywhere = all(value.startswith(edit.shown) for value in values)
            told = self.world.audit_of(link.referral_id)
            if not everywhere and not any(edit.shown in f"{row.text} {row.changes}" for row in told):
                lost.append(f"{side} {edit}: sides hold {values}")
        return lost

    def unwished(self) -> list[str]:
        """Return the values at rest that nobody wants: of open deals whose sides agree and that somebody edited.

        While nobody dies and nothing fails, what is wanted is exact; otherwise it is the newest of either side.
        """
        found = []
        for link in self.world.links():
            if link.state != "linked" or self._closed(HERE, link.record_id) or self._closed(THERE, link.referral_id):
                continue
            pair = link.record_id, link.referral_id
            for name in NAMES.values():
                if not sides.says_the_same(*self._rows(*pair), name):
                    continue
                held = BY_NAME[name].here(self.world.crm.row(link.record_id)[BY_NAME[name].columns[0]])
                wanted, possible = self.wishes.wanted(*pair, name), self.wishes.possible(*pair, name)
                if possible and held != wanted if self.calm else possible and held not in possible:
                    found.append(f"{link.referral_id} {name}: {held}, not {wanted} of {possible}")
        return found

    def interrupted(self) -> bool:
        """Whether a write may have happened that the ledger never heard of.

        A person's edit on top of it meets an older base, and loses to the field's owner; the audit has both values.
        """
        struck = self.troubles.struck
        # The first refused version is met by a write without a guard; only the trouble refuses that, too.
        return any(struck[kind] for kind in UNHEARD) or struck["a version changed without a change"] > 1

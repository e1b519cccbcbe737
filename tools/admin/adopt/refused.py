"""The pairs that a person refused: kept, so that they are not proposed again."""

from __future__ import annotations

from collections.abc import Iterable

from shared.deal import RecordKey
from shared.ledger.drawers import Drawer, text
from shared.sync.task import Task

KIND = "adopt_refused"
_WORD = "refused"


class Refusals:
    """Which referral is not which record's, by a person's word."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_record: dict[str, set[str]] = {}
        for name in names:
            record, _, referral_id = name.rpartition("|")
            self._by_record.setdefault(record, set()).add(referral_id)

    @classmethod
    def of(cls, task: Task) -> Refusals:
        """Return every refusal. Raises the families."""
        kept = task.drawers.all(_drawer, KIND)
        return cls(name for name, word in kept if word == _WORD)

    def referrals_of(self, record: RecordKey) -> frozenset[str]:
        """Return the referrals that are not this record's."""
        return frozenset(self._by_record.get(_record(record), ()))


def refuse(task: Task, record: RecordKey, referral_id: str) -> None:
    """Keep that a pair is none. Raises the families."""
    task.drawers.change(_drawer(f"{_record(record)}|{referral_id}"), lambda _held: _WORD)


def _record(record: RecordKey) -> str:
    return f"{record.crm}:{record.deal}"


def _drawer(name: str) -> Drawer[str]:
    return text(KIND, name)

"""The undo window: a close that Partner Center would take for good waits, and everything else travels meanwhile."""

from __future__ import annotations

from datetime import timedelta

from shared.decide.deal import Deal
from shared.decide.decisions import AwaitUndo
from shared.ledger.model import Due, DueKind
from shared.queue.message import DealMessage
from shared.sync.outcome import Outcome
from shared.sync.perform.agree import reach
from shared.sync.perform.written import Written
from shared.sync.task import Task

_MARGIN = timedelta(minutes=1)
"""How long after the end of an undo window the agenda brings the deal, should its own message be lost."""


def await_undo(task: Task, deal: Deal, decision: AwaitUndo, written: Written) -> Outcome:
    """Bring everything but the close into agreement, and come back when its window is over."""
    link = decision.agree.link
    if link.closing != decision.closing:
        message = DealMessage.of_record(decision.agree.record.key, "close", task.correlation_id)
        due = decision.until + _MARGIN
        task.agenda.put(Due(DueKind.UNDO, link.referral_id, due, task.clock.now(), message.dump()))
        task.queue.send(message.dump(), delay=(decision.until - task.clock.now()).total_seconds() + 1)
    reach(task, deal, decision.agree, written, decision.closing)
    return Outcome.AWAITS_UNDO

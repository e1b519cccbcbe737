"""What is done with a deal whose change is held as part of a mass: all but that change, and the record says so."""

from __future__ import annotations

from dataclasses import replace

from shared.decide.deal import Deal
from shared.decide.decisions import Adopt, Agree, Decision, Orphan, Pause, agreement
from shared.decide.planning import agreed_base, without
from shared.decide.timing import reason_with_its_end
from shared.messages.reasons import Reason
from shared.sync.mass_change import counts
from shared.sync.outcome import Outcome
from shared.sync.perform import set_aside
from shared.sync.perform.adopt import adopt
from shared.sync.perform.agree import reach
from shared.sync.perform.written import Written
from shared.sync.task import Task


def hold_back(task: Task, deal: Deal, decision: Decision, written: Written) -> Outcome:
    """Bring everything else into agreement, and say on the record what waits for a person. Raises the families."""
    match decision:
        case Adopt(agree=agree):
            adopt(task, deal, Adopt(_without_counted(task, agree)), written)
        case Pause():
            set_aside.say_that_it_waits(task, deal, deal.record, written)
        case Orphan(reason=reason):
            record = None if reason is not Reason.REFERRAL_GONE else deal.record
            set_aside.say_that_it_waits(task, deal, record, written)
        case _ if reached := agreement(decision):  # What else was decided follows the rest.
            reach(task, deal, _without_counted(task, reached), written, reached.link.closing)
    return Outcome.HELD_BACK


def _without_counted(task: Task, agree: Agree) -> Agree:
    base = agreed_base(agree.link, task.field_map)
    rest = without(agree.plan, base, counts, Reason.MASS_CHANGE)
    return replace(agree, plan=reason_with_its_end(rest, base))

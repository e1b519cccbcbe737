"""perform(): the only writes. One function for each decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.decide.deal import Deal
from shared.decide.decisions import (
    Adopt,
    Agree,
    AskMicrosoft,
    AwaitUndo,
    CreateRecord,
    CreateReferral,
    Decision,
    FollowCustomer,
    FollowOwner,
    HoldForPerson,
    Ignore,
    Known,
    NotOurs,
    Orphan,
    Pause,
    Qualify,
    RefuseCopy,
    Register,
    Rekey,
    ReleaseCopy,
    Stop,
    Unlink,
    Wait,
)
from shared.sync import mass_change
from shared.sync.outcome import Outcome
from shared.sync.perform import dry_run, rest, set_aside
from shared.sync.perform.adopt import adopt
from shared.sync.perform.agree import reach
from shared.sync.perform.ask_microsoft import ask_microsoft
from shared.sync.perform.create_record import create_record
from shared.sync.perform.create_referral import create_referral
from shared.sync.perform.follow_customer import follow_customer
from shared.sync.perform.follow_owner import follow_owner
from shared.sync.perform.hold_back import hold_back
from shared.sync.perform.qualify import qualify
from shared.sync.perform.register import register
from shared.sync.perform.undo import await_undo
from shared.sync.perform.unlink import unlink
from shared.sync.perform.written import Written
from shared.sync.task import Task

Performer = Callable[[Task, Deal, Any, Written], Outcome]
"""Does what one kind of decision says. Raises the families; DataError is how a deal is held for a person."""

RESTS: Mapping[type, Performer] = {
    Known: rest.known,
    NotOurs: rest.not_ours,
    Wait: rest.wait,
    HoldForPerson: rest.hold,
    RefuseCopy: rest.refuse_copy,
    ReleaseCopy: rest.release_copy,
    Ignore: set_aside.ignore,
}
"""Decisions after which neither side is written: a dry run does the same."""

WRITES: Mapping[type, Performer] = {
    Pause: set_aside.pause,
    Stop: set_aside.stop,
    Unlink: unlink,
    Orphan: set_aside.orphan,
    Rekey: set_aside.rekey,
    Qualify: qualify,
    Adopt: adopt,
    CreateRecord: create_record,
    CreateReferral: create_referral,
    Agree: reach,
    AskMicrosoft: ask_microsoft,
    AwaitUndo: await_undo,
    FollowOwner: follow_owner,
    FollowCustomer: follow_customer,
    Register: register,
}


def perform(task: Task, deal: Deal, decision: Decision, written: Written) -> Outcome:
    """Do what was decided. Raises the families; DataError is also how a deal is held for a person."""
    kind = type(decision)
    if kind in RESTS:
        return RESTS[kind](task, deal, decision, written)
    if task.choices.dry_run:
        return dry_run.record(task, deal, decision)
    if mass_change.holds_back(task, deal, decision):
        return hold_back(task, deal, decision, written)
    return WRITES[kind](task, deal, decision, written)

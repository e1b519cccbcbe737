"""A decision in the words of the table."""

from __future__ import annotations

from shared.deal import NOTES, STATUS
from shared.decide import decisions
from shared.decide.decisions import Agree, Decision
from shared.lifecycle import Stage, crm_view
from shared.merge import Plan


def tell(decision: Decision) -> str:
    """Return what is done, with its reason."""
    match decision:
        case decisions.Known(reason=reason):
            return f"known: {reason}"
        case decisions.Ignore(reason=reason):
            return f"ignore: {reason}"
        case decisions.Orphan(reason=reason):
            return f"orphan: {reason}"
        case decisions.HoldForPerson(problems=(problem,)):
            return f"hold: {problem.code}"
        case decisions.RefuseCopy(problems=(problem,)):
            return f"refuse copy: {problem.code}"
        case decisions.Agree():
            return f"agree: {_of_registration(decision) or _of_status(decision.plan)}"
        case decisions.Adopt(agree=agree):
            return f"adopt: {_of_status(agree.plan)}"
        case decisions.FollowOwner(agree=agree) | decisions.FollowCustomer(agree=agree):
            whom = "owner" if isinstance(decision, decisions.FollowOwner) else "customer"
            return f"follow {whom}: {_of_status(agree.plan)}"
        case decisions.AwaitUndo(closing=closing, agree=agree):
            accepts = any(each.name == STATUS for each in agree.plan.to_partner_center)
            return f"{'accept, then ' * accepts}await undo: {closing.stage}"
        case _:
            corrects = isinstance(decision, decisions.Register) and decision.corrects
            return "correct" if corrects else _SIMPLE[type(decision)]


_SIMPLE: dict[type, str] = {
    decisions.NotOurs: "not ours",
    decisions.Wait: "wait",
    decisions.Pause: "pause",
    decisions.Rekey: "rekey",
    decisions.Qualify: "qualify",
    decisions.ReleaseCopy: "release copy",
    decisions.CreateRecord: "create record",
    decisions.CreateReferral: "create referral",
    decisions.AskMicrosoft: "ask microsoft",
    decisions.Register: "register",
}


def _of_registration(agree: Agree) -> str:
    return next((each.code for each in agree.problems if each.code.startswith("registration.")), "")


def _of_status(plan: Plan) -> str:
    for each in plan.to_partner_center:
        if each.name == STATUS:
            return f"{each.new} is sent"
    for each in plan.to_crm:
        if each.name == STATUS:
            return f"{crm_view(Stage(str(each.new)))} is shown"
    for difference in plan.differences:
        if difference.name == STATUS:
            return str(difference.reason)
    return "same stage"


def of_notes(plan: Plan) -> str:
    """Return what becomes of the notes."""
    if any(each.name == NOTES for each in plan.to_crm):
        return "to crm"
    if any(each.name == NOTES for each in plan.to_partner_center):
        return "to partner center"
    return "stay" if any(each.name == NOTES for each in plan.differences) else "nothing"

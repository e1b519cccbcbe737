"""Whether a win is to be registered with Microsoft, and what of a registration needs a person."""

from __future__ import annotations

from dataclasses import replace

from shared.deadline import DeadlineKind
from shared.deal import STATUS
from shared.deal_registration import ACTION_REQUIRED, FIELD, DealRegistration, RegistrationForm, read_registration
from shared.decide.deal import FieldMap, Need
from shared.decide.decisions import Agree, Register
from shared.lifecycle import Stage
from shared.problems import Problem, problem


def with_registration(agree: Agree, field_map: FieldMap) -> Agree | Register | Need:
    """Return the agreement of a deal whose mapping registers wins, with the registration where it is due.

    Only a win that was met while it happened, and that can be registered, is: it has a deadline. What is known to be
    registered never is again, whoever did it. Microsoft's "action required" is answered by another form, once each.
    """
    form, referral, link = field_map.registration_form, agree.referral, agree.link
    if form is None or referral.stage is not Stage.WON:
        return agree
    told = None if referral.body is None else read_registration(referral.body)
    known = told or link.registration
    if known is None:
        return _registered(agree, form) if _is_due(agree) else agree
    agree = replace(agree, registration=told)
    if known.status != ACTION_REQUIRED:
        return agree
    if told is None:
        return Need.REFERRAL_ITSELF if referral.body is None else agree
    return _corrected(agree, form, told)


def _is_due(agree: Agree) -> bool:
    """Whether both sides agree on a win that people have to register by a certain day."""
    deadline = agree.link.deadline
    won = agree.record.stage is Stage.WON and agree.plan.base.get(STATUS) == Stage.WON
    return won and deadline is not None and deadline.kind is DeadlineKind.REGISTER


def _registered(agree: Agree, form: RegistrationForm) -> Agree | Register | Need:
    if agree.referral.body is None:
        return Need.REFERRAL_ITSELF
    if agree.record.columns is None:
        return Need.RECORD_ITSELF
    if not form.wanted(agree.record.columns):
        return agree
    filled = form.fill(agree.record.columns, agree.referral.fields)
    return _with(agree, *filled.problems) if filled.problems else Register(agree, filled)


def _corrected(agree: Agree, form: RegistrationForm, told: DealRegistration) -> Agree | Register | Need:
    """What we did not register ourselves is corrected where it was; so is what the form cannot put right."""
    sent, asked = agree.link.registration, _asked(told)
    if sent is None or not sent.form:
        return _with(agree, asked)
    if agree.record.columns is None:
        return Need.RECORD_ITSELF
    filled = form.fill(agree.record.columns, agree.referral.fields)
    if filled.problems or filled.digest == sent.form:
        return _with(agree, asked, *filled.problems)
    return Register(agree, filled)


def _asked(told: DealRegistration) -> Problem:
    return problem("registration.action_required", FIELD, reason=told.reason or "-")


def _with(agree: Agree, *problems: Problem) -> Agree:
    return replace(agree, problems=(*agree.problems, *problems))

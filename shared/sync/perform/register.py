"""Registers a win with Microsoft, or corrects what was registered, under the referral's version and an intent.

Nobody documents whether a registration shows in every answer at once. So the intent is written down first, and what
became of an unanswered PATCH is looked for until it is certain: a win is never registered twice.
"""

from __future__ import annotations

from dataclasses import replace

from shared.deal import Fields
from shared.deal_registration import REVIEW_PENDING, DealRegistration, read_registration
from shared.decide.deal import Deal
from shared.decide.decisions import Agree, Register
from shared.errors import DataError
from shared.ledger import audit
from shared.mapping.field_map import FieldMap
from shared.mapping.registration_form import CompiledForm
from shared.merge import Change
from shared.messages.reasons import Reason
from shared.partner_center.port import Referral
from shared.sync.outcome import Outcome
from shared.sync.perform.agree import reach
from shared.sync.perform.intents import attempting, expect_unchanged, wait_for_certainty
from shared.sync.perform.written import Written
from shared.sync.task import Task


def register(task: Task, deal: Deal, decision: Register, written: Written) -> Outcome:
    """Send the form, then bring the rest into agreement.

    What Partner Center refuses of the form is said on the record, and everything else goes on. Raises StaleError when
    the deal changed since it was observed, Deferred while another worker registers it, and the families.
    """
    agree = decision.agree
    try:
        answer = _corrected(task, decision) if decision.corrects else _registered(task, agree, decision)
    except DataError as error:
        form = _form(task.field_map)
        problems = tuple(replace(each, field=form.field_at(each.field)) for each in error.problems)
        return reach(task, deal, replace(agree, problems=(*agree.problems, *problems)), written)
    key = "registered.corrected" if decision.corrects else "registered.sent"
    entry = audit.entry(
        task.stamp(),
        agree.link.referral_id,
        audit.TO_PARTNER_CENTER,
        task.choices.messages.text(key),
        _changes(decision),
    )
    task.audit.add(agree.link.referral_id, entry)
    written.shown = True  # The record's Audit column shows it, whatever else there is to write.
    now = read_registration(answer.body) or DealRegistration(REVIEW_PENDING)
    seen = replace(agree.referral, version=answer.version, changed_at=answer.changed_at, body=answer.body)
    link = replace(
        agree.link,
        referral_changed_at=answer.changed_at,
        recent_audit=audit.extended(agree.link.recent_audit, [entry]),
    )
    registration = replace(now, form=decision.form.digest)
    return reach(task, deal, replace(agree, link=link, referral=seen, registration=registration), written)


def _form(field_map: FieldMap) -> CompiledForm:
    assert field_map.registration_form  # noqa: S101 - without one nothing is decided to be registered
    return field_map.registration_form


def _changes(decision: Register) -> list[Change]:
    values: Fields = {path: str(value) for path, value in decision.form.values.items()}
    return [Change(path, None, value, Reason.WIN_REGISTERED) for path, value in values.items()]


def _corrected(task: Task, decision: Register) -> Referral:
    """Replace what may be replaced. To repeat it is to write the same values again."""
    assert decision.corrects  # noqa: S101 - the caller has looked
    operations = _form(task.field_map).correction(decision.form, decision.corrects)
    referral = decision.agree.referral
    return task.partner_center.update(referral.id, operations, str(referral.version))


def _registered(task: Task, agree: Agree, decision: Register) -> Referral:
    """Register under an intent, which the commit of what Partner Center answered fulfils."""
    record, referral = agree.record.key, agree.referral
    with attempting(task, record, referral.id) as attempt:
        expect_unchanged(task, attempt, agree.link)
        if attempt.taken_over:
            wait_for_certainty(task, attempt.intent)
        first = _form(task.field_map).first(decision.form)
        return task.partner_center.update(referral.id, first, str(referral.version))

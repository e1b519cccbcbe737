"""Turns a referral into a record of the CRM, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.choices import CrmAudit
from shared.crm.around import Around, Found
from shared.crm.port import Record
from shared.deal import STATUS, Fields
from shared.decide.deal import Deal, ReferralSeen, Surroundings
from shared.decide.decisions import CreateRecord
from shared.errors import AccessDenied, CosellError, DataError, StaleError, VersionMismatch
from shared.ledger import audit
from shared.ledger.drawers import made_of
from shared.ledger.model import AuditEntry
from shared.lifecycle import Stage, crm_view
from shared.link import Link
from shared.mapping import new_record
from shared.merge import Change
from shared.messages.reasons import Reason
from shared.partner_center.port import Referral
from shared.problems import Problem
from shared.status import attention
from shared.sync.around import around, around_text
from shared.sync.base import with_base
from shared.sync.microsofts_half import next_look
from shared.sync.observe import seen_record
from shared.sync.outcome import Outcome
from shared.sync.perform import deadlines, identity, microsoft, odd
from shared.sync.perform.adopt import set_record_id
from shared.sync.perform.behind import come_back, forget
from shared.sync.perform.made import marks
from shared.sync.perform.written import Written
from shared.sync.statuses import in_agreement
from shared.sync.task import Task


def create_record(task: Task, deal: Deal, decision: CreateRecord, written: Written) -> Outcome:
    """Create the record, write its id to the referral, and commit the link.

    Fields whose value cannot be read, or that the CRM refuses, stay behind; the link says so. Raises AlreadyExists
    when a record carries the referral's identifier, StaleError when the referral was edited meanwhile, which is then an
    edit of a linked deal, and the families.
    """
    referral = decision.referral
    assert referral.body is not None  # noqa: S101 - a referral that becomes a record was just read
    wanted = around(task.field_map, Referral(referral.body))
    record, draft = _create(task, deal, decision, wanted)
    try:
        link = _tie(task, referral, record, draft)
    except CosellError:
        made = referral.id, marks(draft.link.base)
        task.drawers.fill(made_of(task.key(record.id)), made)
        raise
    dues = deadlines.due(task, None, link)
    if Referral(referral.body).is_shared and not referral.closed:
        dues.append(next_look(task, link))
    committed = task.links.commit(link, draft.entries, dues=dues)
    written.after = committed
    if draft.problems:
        written.behind = True
        come_back(task, committed, draft.problems)
    else:
        forget(task, referral.id, written)
    if link.referral_version is None:
        raise StaleError("the referral was edited while its record was created")
    return Outcome.RECORD_CREATED


@dataclass(frozen=True)
class _Draft:
    """The record's fields and the link, before anything is written. The fields `behind` cannot be created now.

    `stand_ins` are fields of which the referral says nothing, and without which the CRM takes no record.
    """

    fields: Fields
    stand_ins: Fields
    behind: Mapping[str, Problem]
    entries: tuple[AuditEntry, ...]
    link: Link

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why fields stay behind, each reason once."""
        return tuple(dict.fromkeys(self.behind.values()))


def _draft(task: Task, deal: Deal, decision: CreateRecord, people: str) -> _Draft:
    field_map, messages, referral, half = task.field_map, task.choices.messages, decision.referral, decision.microsoft
    behind = {**referral.unreadable, **deal.held}
    problems = tuple(dict.fromkeys(behind.values()))
    created = {name: value for name, value in field_map.created_in_crm(referral.fields).items() if name not in behind}
    stand_ins = new_record.stand_ins(field_map, referral.fields, behind, task.clock.now().date())
    created |= stand_ins
    received = [
        Change(name, None, value, Reason.STAND_IN if name in stand_ins else Reason.RECEIVED)
        for name, value in created.items()
        if value not in (None, ())
    ]
    given = audit.describe(messages, [each for each in received if each.name in stand_ins])
    text = "; ".join(filter(None, [messages.reason(Reason.CREATED_FROM_PARTNER_CENTER), people, given]))
    entries = [audit.entry(task.stamp(), referral.id, audit.TO_CRM, text, received)]
    if text := microsoft.news(None, half):
        entries.append(audit.entry(task.stamp(), referral.id, audit.TO_CRM, text))
    link = _new_link(task, referral, deal.link)
    link = deadlines.with_deadline(task, link, link, referral.fields, referral.body)
    base = {name: each for name, each in referral.fields.items() if name not in behind} | stand_ins
    entries += odd.entries(task, referral.id, {}, base)
    link = with_base(link, base, field_map)
    status = attention(messages, problems) if problems else in_agreement(task, link)
    link = replace(
        link,
        recent_audit=audit.extended(link.recent_audit, entries),
        microsoft=half,
        differences={name: str(each) for name, each in behind.items()},
        status=status,
    )
    return _Draft(created, stand_ins, behind, tuple(entries), link)


def _create(task: Task, deal: Deal, decision: CreateRecord, wanted: Around) -> tuple[Record, _Draft]:
    """Create the record; without owner and contact where the CRM takes it only so. Raises the families."""
    messages, referral = task.choices.messages, decision.referral
    looked = deal.around.rows if isinstance(deal.around, Surroundings) else None
    found = looked if isinstance(looked, Found) else task.records.look_around(referral.id, wanted)
    draft = _draft(task, deal, decision, around_text(messages, wanted, found))
    try:
        return task.records.create(referral.id, _columns(task, referral, draft), wanted, found), draft
    except (AccessDenied, DataError) as error:
        if not (found.owner or wanted.contact) or task.field_map.fields_of(
            error.problems if isinstance(error, DataError) else ()
        ):
            raise
    # Looked for again: whatever was made of it meanwhile must not be made twice.
    bare = Around(wanted.account)
    found = task.records.look_around(referral.id, bare)
    draft = _draft(task, deal, decision, around_text(messages, wanted, found, refused=True))
    return task.records.create(referral.id, _columns(task, referral, draft), bare, found), draft


def _tie(task: Task, referral: ReferralSeen, record: Record, draft: _Draft) -> Link:
    """Write the new record's id to the referral; returns the link between them.

    The link has no version of a referral that was edited meanwhile: what the record was created with is the base, so
    that the edit meets it as one, and not as a difference whose past is unknown.
    """
    version, changed_at = referral.version, referral.changed_at
    if not referral.names_any:
        try:
            answer = set_record_id(task, referral.id, record.id, str(version))
        except VersionMismatch:
            _name_edited(task, referral.id, record)
            version = None
        else:
            version, changed_at = answer.version, answer.changed_at
    seen = seen_record(task, record)
    wanted: Fields = {**referral.fields, **draft.stand_ins}
    same = seen.switched_on and all(
        rule.holds(wanted[rule.name], seen.fields[rule.name])
        for rule in task.field_map.rules_for(record.digits, seen.fields)
        if rule.name not in draft.behind
    )
    return replace(
        draft.link,
        record=seen.key,
        owner=seen.owner,
        record_version=record.version if same else None,
        record_seen_at=record.seen_at,
        referral_version=version,
        referral_changed_at=changed_at,
        settled=same and version is not None and not draft.behind,
    )


def _name_edited(task: Task, referral_id: str, record: Record) -> None:
    """Write the record's id to a referral as it is now. Raises VersionMismatch when it is edited again."""
    now = task.partner_center.read(referral_id)
    if not (now.closed or now.external_reference_id):
        set_record_id(task, referral_id, record.id, now.version)


def _columns(task: Task, referral: ReferralSeen, draft: _Draft) -> dict[str, object]:
    field_map = task.field_map
    columns = {
        **new_record.constants(field_map, task.clock.now().date()),
        **field_map.record_values(draft.fields),
        **field_map.status_columns(crm_view(Stage(str(referral.fields[STATUS])))),
        **identity.columns(field_map, referral.id),
        **(field_map.record_values(draft.link.microsoft.told) if draft.link.microsoft else {}),
        field_map.columns.sync: True,
    }
    if task.choices.crm_audit is not CrmAudit.OFF:
        columns |= identity.audit_columns(field_map, draft.link)
    return columns


def _new_link(task: Task, referral: ReferralSeen, prior: Link | None) -> Link:
    """Return the link to be; `prior` is the one that said the referral was ignored, if there was one."""
    link = Link(task.name, referral.id, None, engagement_id=referral.engagement_id)
    return replace(link, etag=prior.etag, recent_audit=prior.recent_audit) if prior else link

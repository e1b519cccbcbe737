"""Shares a record in Partner Center: one POST, or two when Microsoft is invited, and never a second deal.

Partner Center has no idempotency key. So the intention is written down first, insert-if-absent; a worker that finds an
abandoned one looks for a referral that carries the record's id before it posts, and repeats only the step that lacks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from shared.choices import CrmAudit
from shared.crm.port import Record, RelatedRows
from shared.deadline import created_at
from shared.deal import STATUS, Fields
from shared.decide.deal import Deal, RecordSeen
from shared.decide.decisions import CreateReferral
from shared.decide.unlinked import IDENTIFIER, ties
from shared.errors import DataError, StaleError, VersionMismatch
from shared.ledger import audit
from shared.ledger.drawers import own_half
from shared.ledger.model import AuditEntry, Intent
from shared.lifecycle import TERMINAL, Stage, align
from shared.link import Link, LinkState
from shared.mapping.catalogue import named
from shared.mapping.stages import stage_of
from shared.merge import Change
from shared.messages.reasons import Reason
from shared.microsoft import MicrosoftsHalf
from shared.partner_center.new_referral import NewDeal, invitation, own_referral
from shared.partner_center.port import Referral
from shared.problems import problem
from shared.sync.base import with_base
from shared.sync.fan_out import notify_other_crms
from shared.sync.microsofts_half import next_look, read_half
from shared.sync.outcome import Outcome
from shared.sync.perform import identity, microsoft, odd
from shared.sync.perform.behind import forget
from shared.sync.perform.follow_owner import mark
from shared.sync.perform.intents import Attempt, attempting, release, wait_for_certainty
from shared.sync.perform.made import marks, unedited
from shared.sync.perform.written import Written
from shared.sync.sharing import Rows
from shared.sync.statuses import in_agreement
from shared.sync.task import Task

SEARCH_MARGIN = timedelta(minutes=15)
"""How far before an intent the search for its referral begins: covers lists that lag behind."""


@dataclass(frozen=True)
class _Share:
    """One record being shared: the deal as it will be created, and the intent under which that happens."""

    record: RecordSeen
    deal: NewDeal
    related: RelatedRows
    intent: Intent
    taken_over: bool
    invited: Referral | None = None
    """Microsoft's row, once it was invited, """
    microsoft: MicrosoftsHalf | None = None
    """and what it tells."""


def create_referral(task: Task, _deal: Deal, decision: CreateReferral, written: Written) -> Outcome:
    """Create the record's referral, write its identity to the record, and commit the link.

    Raises the families.
    """
    record, rows = decision.record, decision.sharing.rows
    assert isinstance(rows, Rows)  # noqa: S101 - it was looked for, or nothing would be shared
    task.records.wait_until_guard_holds(_row(record))
    with attempting(task, record.key, posted=marks(rows.deal.fields)) as attempt:
        if ties(link := task.links.of_record(record.key)):
            # Another worker finished between our look at the ledger and our claim, and so its intent was gone already.
            task.links.commit(link, [], attempt.intent)
            raise StaleError("another worker created this deal")
        posted = _post(task, _Share(record, rows.deal, rows.related, attempt.intent, attempt.taken_over), attempt)
        if posted is None:
            return Outcome.KNOWN
        attempt.answered = True
        own, share = posted
        link = _commit(task, share, own)
    forget(task, record.key.deal, written)
    if share.invited:
        lead_to(task, share.invited, own)
    notify_other_crms(task, link)
    if not link.settled:
        raise StaleError("the deal was edited while its creation was interrupted")
    return Outcome.REFERRAL_CREATED


def _post(task: Task, share: _Share, attempt: Attempt) -> tuple[Referral, _Share] | None:
    """Make what lacks of the deal: our half, then Microsoft's. None when there is no deal to share any more."""
    intent, deal = share.intent, share.deal
    own = _find_own(task, intent) if share.taken_over else None
    if own is not None:
        _still_free(task, share, own)
    if own is None:
        wait_for_certainty(task, intent)
        if share.record.fields[STATUS] in TERMINAL:
            # Closed while an earlier attempt was interrupted, which had posted nothing.
            release(task, intent)
            return None
        if intent.posted != marks(deal.fields):
            intent = task.intents.replace(intent, replace(intent, posted=marks(deal.fields)))
            share = replace(share, intent=intent)
        own = task.partner_center.create(own_referral(task.field_map, deal, share.record.key.id))
        attempt.referral_id = own.id
        task.organization.learn(own)
    # An interrupted deal may have been closed meanwhile; then nobody can be invited any more.
    if not deal.asks_for_help or own.closed:
        return own, share
    invited = task.partner_center.engagement(own.engagement_id).microsoft if share.taken_over else None
    if invited is None:
        if intent.referral_id:
            wait_for_certainty(task, intent)
        intent = task.intents.replace(intent, replace(intent, referral_id=own.id, unknown_since=None))
        invited = task.partner_center.create(invitation(task.field_map, deal, share.record.key.id, own))
    return own, replace(share, intent=intent, invited=invited, microsoft=read_half(task.field_map, invited, own))


def _still_free(task: Task, share: _Share, own: Referral) -> None:
    """Raise DataError when what an interrupted attempt made was tied to another record meanwhile.

    The next attempt finds it again: nothing is made twice, and once the other record lets go of it, it is ours.
    """
    holder = task.links.of_referral(own.id)
    if holder and holder.record and ties(holder) and holder.record != share.record.key:
        raise DataError(problem("identifier.copied", IDENTIFIER, record=holder.record.id))


def lead_to(task: Task, invited: Referral, own: Referral) -> None:
    """Remember that events about Microsoft's row lead to our deal. Raises the families."""
    task.drawers.fill(own_half(invited.id), own.id)


def _find_own(task: Task, intent: Intent) -> Referral | None:
    """Return our half of the deal, if an earlier attempt made it."""
    if intent.referral_id:
        return task.partner_center.read(intent.referral_id)
    # How long ago is measured by our clock alone, and counted back from Partner Center's own: the two are not compared.
    elapsed = task.clock.now() - intent.since
    for referral in task.partner_center.changed_since(task.partner_center.now() - elapsed - SEARCH_MARGIN):
        names_it = referral.external_reference_id == intent.record.id
        if names_it and task.organization.owns(referral) and not _is_history(task, referral):
            return referral
    return None


def _is_history(task: Task, referral: Referral) -> bool:
    """Whether the record was taken off this referral, by whose end it is shared again: it names the record still."""
    link = task.links.of_referral(referral.id)
    return link is not None and link.state is LinkState.UNLINKED


# --- the link --------------------------------------------------------------------------------------------------------


def _commit(task: Task, share: _Share, own: Referral) -> Link:
    deal, fields = share.deal, share.record.fields
    entries = _entries(task, share, own)
    ours, earlier = audit.parted(share.related.audit)
    # What was agreed is what was shared: an active deal, even if one side has ended it since an interrupted POST.
    base: Fields = {**fields, **deal.fields, STATUS: Stage.ACTIVE}
    entries += odd.entries(task, own.id, {}, base)
    held, _ = task.field_map.read_referral(own.body)
    differing = _differing(task, base, held)
    stage = stage_of(own.body)
    if align(Stage(str(fields[STATUS])), stage) is not stage:
        differing.add(STATUS)
    link = Link(
        crm=task.name,
        referral_id=own.id,
        record=share.record.key,
        etag=_ignored(task, own) if share.taken_over else None,
        engagement_id=own.engagement_id,
        settled=not differing,
        referral_version=own.version,
        referral_changed_at=own.changed_at,
        created_at=created_at(own.body),
        customer=own.customer,
        recent_audit=audit.extended(ours, entries),
        earlier_audit=earlier,
    )
    agreed = {name: value for name, value in base.items() if name == STATUS or name not in differing}
    agreed = {**unedited(share.intent.posted, base, held), **agreed}
    link = with_base(_owned(_with_microsoft(link, share), share), agreed, task.field_map)
    link = replace(link, status=in_agreement(task, link))
    if not (fields[STATUS] in TERMINAL and task.policy.closed_rows_are_read_only):
        written = _write_back(task, share, own, link)
        as_planned = _holds(task, written, base)
        link = replace(link, record_version=written.version if as_planned else None, record_seen_at=written.seen_at)
        link = replace(link, settled=link.settled and as_planned)
    dues = [next_look(task, link)] if deal.asks_for_help else []
    committed = task.links.commit(link, entries, share.intent, dues)
    # What the CRM's own logic changed comes with the change feed; nothing is to be created again for it.
    return replace(committed, settled=not differing)


def _with_microsoft(link: Link, share: _Share) -> Link:
    """Return the link knowing what Microsoft's row says, and since when: the event about it tells nothing new."""
    if share.invited is None:
        return link
    return replace(link, microsoft=share.microsoft, related_changed_at=share.invited.changed_at)


def _owned(link: Link, share: _Share) -> Link:
    """Return the link knowing whose the record was, and whom we put on the team for that."""
    return replace(link, owner=share.record.owner, owner_mark=mark((share.deal.owner or {}).get("email")))


def _entries(task: Task, share: _Share, own: Referral) -> list[AuditEntry]:
    sent = [
        Change(name, None, value, Reason.SENT) for name, value in share.deal.fields.items() if value not in (None, ())
    ]
    invited = share.deal.asks_for_help and not own.closed
    text = task.choices.messages.reason(Reason.CREATED_FROM_CRM_INVITED if invited else Reason.CREATED_FROM_CRM)
    shown = named(task.field_map, sent, share.record.columns)
    entries = [audit.entry(task.stamp(), own.id, audit.TO_PARTNER_CENTER, text, shown)]
    if news := microsoft.news(None, share.microsoft):
        entries.append(audit.entry(task.stamp(), own.id, audit.TO_CRM, news))
    return entries


def _holds(task: Task, written: Record, base: Fields) -> bool:
    """Whether the record is shared still, and holds in every mapped field what was."""
    held, unreadable = task.field_map.read_record(written.columns)
    rules = task.field_map.rules_for(written.digits, held)
    switched_on = bool(written.columns.get(task.field_map.columns.sync, True))
    return switched_on and all(
        rule.holds(base[rule.name], held[rule.name]) for rule in rules if rule.name not in unreadable
    )


def _differing(task: Task, base: Fields, held: Fields) -> set[str]:
    """Return the fields that our half holds otherwise: either side may have been edited since an interrupted POST."""
    kept = {rule.name for rule in task.field_map.rules if rule.never_clear_crm and held[rule.name] is None}
    return {name for name, value in base.items() if held[name] != value and name not in kept}


def _ignored(task: Task, own: Referral) -> str | None:
    """Return the etag of a link that says the referral is ignored: an event may overtake an interrupted creation."""
    prior = task.links.of_referral(own.id)
    return prior.etag if prior and prior.state is LinkState.IGNORED else None


def _write_back(task: Task, share: _Share, own: Referral, link: Link) -> Record:
    """Write the referral's identity. An edit made meanwhile must not undo the link, and must not pass for our echo."""
    field_map = task.field_map
    filled_in = field_map.record_values(share.deal.filled_in(share.record.fields))
    told = field_map.record_values(share.microsoft.told) if share.microsoft else {}
    columns = {**filled_in, **told, **identity.columns(field_map, own.id)}
    if task.choices.crm_audit is not CrmAudit.OFF:
        columns |= identity.audit_columns(field_map, link)
    row = _row(share.record)
    try:
        return task.records.update(row, columns)
    except VersionMismatch:
        written = task.records.update(replace(row, version=None), columns)
        return replace(written, version=None)


def _row(record: RecordSeen) -> Record:
    return Record(record.key.id, record.version, record.columns or {}, record.seen_at)

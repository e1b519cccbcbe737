"""Shares a record in Partner Center: one POST, or two when Microsoft is invited, and never a second deal.

Partner Center has no idempotency key. So the intention is written down first, insert-if-absent; whoever finds an
abandoned one looks for a referral that carries the record's id before it posts, and repeats only the step that lacks.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.choices import CrmAudit
from shared.crm.port import Record
from shared.deal import STATUS, Fields
from shared.errors import CosellError, Deferred, OutcomeUnknown, StaleError, VersionMismatch
from shared.ledger import audit as trail
from shared.ledger.port import Intent, Link, LinkState
from shared.lifecycle import TERMINAL, Stage, align
from shared.mapping.field_map import stage_of
from shared.merge import Change
from shared.partner_center.new_referral import MICROSOFT, NewDeal, invitation, own_referral, read_deal
from shared.partner_center.port import Referral
from shared.sync.agree import observed_record, with_base
from shared.sync.create_record import INTENT_LEASE, LOOK_AGAIN
from shared.sync.fan_out import notify_other_crms
from shared.sync.task import Ports

log = logging.getLogger(__name__)

SEARCH_MARGIN = timedelta(minutes=15)
"""How far before an intent the search for its referral begins: covers lists that lag behind."""

_RELEASED = datetime.min.replace(tzinfo=UTC)
"""The start of an intent that nobody holds any more."""


def create_referral(ports: Ports, record: Record, correlation_id: str) -> Link | None:
    """Create the record's referral, write its identity to the record, and commit the link; None for a dry run.

    Raises DataError with everything Partner Center would refuse, before any call to it.
    """
    fields = observed_record(record, ports.field_map).fields
    related = ports.crm.related(record.id)
    deal = read_deal(ports.field_map, fields, related.account, related.contact, related.owner)
    if ports.dry_run:
        text = "dry run, nothing written: would create the referral"
        entry = trail.entry(record.id, ports.clock.now(), trail.TO_PARTNER_CENTER, text, correlation_id=correlation_id)
        ports.ledger.note(ports.crm.name, record.id, entry)
        return None
    ports.crm.wait_until_guard_holds(record)
    intent, taken_over = _claim(ports, record.id)
    if link := ports.ledger.link_of_record(ports.crm.name, record.id):
        # Another worker finished between our look at the ledger and our claim, and so its intent was gone already.
        ports.ledger.commit(link, [], intent)
        raise StaleError("another worker created this deal")
    try:
        own = _find_own(ports, intent) if taken_over else None
        if own is None and fields[STATUS] in TERMINAL:
            # Closed while an earlier attempt was interrupted, which had posted nothing: there is no deal to share.
            ports.ledger.replace_intent(intent, replace(intent, started_at=_RELEASED))
            return None
        if own is None:
            own = ports.partner_center.create(own_referral(ports.field_map, deal, record.id))
        # An interrupted deal may have been closed meanwhile; then nobody can be invited any more.
        if deal.asks_for_help and not own.closed and not (taken_over and _microsoft_invited(ports, own)):
            intent = ports.ledger.replace_intent(intent, replace(intent, referral_id=own.id))
            _invite_microsoft(ports, deal, record.id, own)
    except OutcomeUnknown:
        # The intent is kept for its lease: by then Partner Center's lists tell what became of the POST.
        raise
    except CosellError:
        ports.ledger.replace_intent(intent, replace(intent, started_at=_RELEASED))
        raise
    etag = _ignored(ports, own) if taken_over else None
    link = _commit(ports, record, fields, deal, own, intent, correlation_id, etag)
    notify_other_crms(ports, link, correlation_id)
    if not link.settled:
        raise StaleError("the deal was edited while its creation was interrupted")
    return link


def _invite_microsoft(ports: Ports, deal: NewDeal, record_id: str, own: Referral) -> None:
    invited = ports.partner_center.create(invitation(ports.field_map, deal, record_id, own))
    # Remembered, so that events about Microsoft's row lead to our deal without a question.
    ports.ledger.replace_value("related", invited.id, own.id, ports.ledger.value("related", invited.id))


def _claim(ports: Ports, record_id: str) -> tuple[Intent, bool]:
    """Write the intent down; returns it, and whether it was taken over from an earlier attempt. Raises Deferred."""
    now = ports.clock.now()
    intent = Intent(ports.crm.name, record_id, since=now, started_at=now, owner=uuid.uuid4().hex)
    held = ports.ledger.begin_intent(intent)
    if held.owner == intent.owner:
        return held, False
    if now - held.started_at < INTENT_LEASE:
        raise Deferred("another worker is creating this deal", retry_after=LOOK_AGAIN)
    mine = replace(intent, since=held.since, referral_id=held.referral_id)
    return ports.ledger.replace_intent(held, mine), True


def _find_own(ports: Ports, intent: Intent) -> Referral | None:
    """Return our half of the deal, if an earlier attempt made it."""
    if intent.referral_id:
        return ports.partner_center.read(intent.referral_id)
    # How long ago is measured by our clock alone, and counted back from Partner Center's own: the two are not compared.
    elapsed = ports.clock.now() - intent.since
    for referral in ports.partner_center.changed_since(ports.partner_center.now() - elapsed - SEARCH_MARGIN):
        if referral.external_reference_id == intent.record_id and referral.organization_id != MICROSOFT:
            return referral
    return None


def _microsoft_invited(ports: Ports, own: Referral) -> bool:
    return any(row.organization_id == MICROSOFT for row in ports.partner_center.engagement(own.engagement_id))


def _ignored(ports: Ports, own: Referral) -> str | None:
    """Return the etag of a link that says the referral is ignored: an event may overtake an interrupted creation."""
    prior = ports.ledger.link(ports.crm.name, own.id)
    return prior.etag if prior and prior.state is LinkState.IGNORED else None


def _commit(
    ports: Ports,
    record: Record,
    fields: Fields,
    deal: NewDeal,
    own: Referral,
    intent: Intent,
    correlation_id: str,
    etag: str | None,
) -> Link:
    now = ports.clock.now()
    sent = [Change(name, None, value, "sent") for name, value in deal.fields.items() if value not in (None, ())]
    text = "created from the CRM" + (", Microsoft invited" if deal.asks_for_help and not own.closed else "")
    entry = trail.entry(
        own.id, now, trail.TO_PARTNER_CENTER, text, sent, correlation_id=correlation_id, mapping=ports.field_map
    )
    # What was agreed is what was shared: an active deal, even if one side has ended it since an interrupted POST.
    stage = stage_of(own.body)
    base = {**fields, **deal.fields, STATUS: Stage.ACTIVE}
    differing = _differing(ports, base, own)
    if align(Stage(str(fields[STATUS])), stage) is not stage:
        differing.add(STATUS)
    link = Link(
        crm=ports.crm.name,
        referral_id=own.id,
        record_id=record.id,
        etag=etag,
        engagement_id=own.engagement_id,
        settled=not differing,
        referral_version=own.version,
        referral_changed_at=own.changed_at,
        status_shown=trail.synchronized(now),
        audit_tail=trail.extend_tail((), [entry]),
    )
    agreed = {name: value for name, value in base.items() if name == STATUS or name not in differing}
    link = with_base(link, agreed, ports.field_map)
    filled_in = {name: value for name, value in deal.fields.items() if value != fields[name]}
    columns = {
        **ports.field_map.record_values(filled_in),
        **trail.identity_columns(ports.field_map, own.id),
    }
    if ports.crm_audit is not CrmAudit.OFF:
        columns |= trail.trail_columns(ports.field_map, link)
    if fields[STATUS] in TERMINAL and ports.crm.closed_rows_are_read_only:
        return ports.ledger.commit(link, [entry], intent)
    written = _write_back(ports, record, columns)
    link = replace(link, record_version=written.version, record_seen_at=written.seen_at)
    return ports.ledger.commit(link, [entry], intent)


def _differing(ports: Ports, base: Fields, own: Referral) -> set[str]:
    """Return the fields that our half holds otherwise: either side may have been edited since an interrupted POST."""
    held = ports.field_map.read_referral(own.body)
    kept = {rule.name for rule in ports.field_map.rules if rule.never_clear_crm and held[rule.name] is None}
    return {name for name, value in base.items() if held[name] != value and name not in kept}


def _write_back(ports: Ports, record: Record, columns: dict[str, object]) -> Record:
    """Write the referral's identity. An edit made meanwhile must not undo the link, and must not pass for our echo."""
    try:
        return ports.crm.update(record, columns)
    except VersionMismatch:
        written = ports.crm.update(replace(record, version=None), columns)
        return replace(written, version=None)

"""Brings a referral that has no link into the CRM: create the record once, or adopt the one that is there."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from shared.choices import CrmAudit
from shared.crm.port import AccountWanted, Record
from shared.deal import STATUS, Fields
from shared.errors import AlreadyExists, DataError, Deferred, GoneError, Problem, StaleError
from shared.ledger import audit as trail
from shared.ledger.port import AuditEntry, Link, LinkState
from shared.lifecycle import Stage, crm_view
from shared.mapping.field_map import get_path
from shared.merge import Change
from shared.partner_center.port import Referral
from shared.sync.agree import Agreement, RecordSeen, observed_record, observed_referral, with_base
from shared.sync.task import Ports

log = logging.getLogger(__name__)

INTENT_LEASE = timedelta(minutes=10)
"""How long a worker that wrote down an intent is trusted to be alive: the longest a function may run."""

LOOK_AGAIN = 15.0
"""Seconds after which a deal that another worker is creating is looked at again."""


def create_record(ports: Ports, referral: Referral, prior: Link | None, correlation_id: str) -> Link | None:
    """Create or adopt the record of a referral and commit the link; returns None for a dry run.

    `prior` is the link that said the referral was ignored, if there was one.
    """
    link = _new_link(ports, referral, prior)
    if reason := _ignored(ports, referral):
        return _ignore(ports, link, reason, correlation_id)
    record_id = referral.external_reference_id
    if record_id and ports.crm.owns(record_id):
        return _adopt_named(ports, referral, link, record_id, correlation_id)
    if ports.dry_run:
        entry = _entry(ports, link, "dry run, nothing written: would create the record", correlation_id)
        ports.ledger.note(link.crm, link.referral_id, entry)
        return None
    try:
        return _create(ports, referral, link, correlation_id)
    except AlreadyExists:
        record = ports.crm.find(referral.id)
        if record is None:
            raise
        return adopt(ports, referral, link, record, correlation_id)


def adopt(ports: Ports, referral: Referral, link: Link, record: Record, correlation_id: str) -> Link:
    """Link a referral to an existing record. The base is unknown: equal values are adopted, others go by policy."""
    if not (referral.external_reference_id or referral.closed or ports.dry_run):  # A closed referral takes no change.
        referral = _write_record_id(ports, referral, record.id)
    link = replace(link, record_id=record.id, referral_changed_at=referral.changed_at)
    seen = observed_referral(referral, ports.field_map), observed_record(record, ports.field_map)
    return Agreement(ports, correlation_id).reach(link, *seen, introduce=True)


def _new_link(ports: Ports, referral: Referral, prior: Link | None) -> Link:
    link = Link(
        crm=ports.crm.name,
        referral_id=referral.id,
        record_id="",
        engagement_id=referral.engagement_id,
        referral_version=referral.version,
        referral_changed_at=referral.changed_at,
        mapping_version=ports.field_map.version,
    )
    return replace(link, etag=prior.etag, audit_tail=prior.audit_tail) if prior else link


def _ignored(ports: Ports, referral: Referral) -> str | None:
    if referral.closed and not _being_shared(ports, referral):
        return "not synchronized: it was already closed when it was first seen"
    invited_by = get_path(referral.body, ("inviteContext", "invitedBy", "organizationId"))
    lead = referral.body.get("type") == "Independent" and referral.body.get("qualification") == "Direct"
    if lead and invited_by in (None, "msft") and referral.body.get("status") == "New":
        return "not synchronized: a marketplace lead that nobody has accepted; it arrives once it is accepted"
    if not ports.field_map.referral_qualifies(referral.body) and not _being_shared(ports, referral):
        condition = ports.field_map.file.sync_when.referral
        return f"not synchronized: the mapping's condition sync_when.referral is not met ({condition})"
    return None


def _being_shared(ports: Ports, referral: Referral) -> bool:
    """Whether the referral comes from a record of ours whose link is not committed yet."""
    record_id = referral.external_reference_id
    return bool(record_id) and ports.ledger.intent(ports.crm.name, str(record_id)) is not None


def _ignore(ports: Ports, link: Link, reason: str, correlation_id: str) -> Link:
    return ports.ledger.commit(replace(link, state=LinkState.IGNORED), [_entry(ports, link, reason, correlation_id)])


def _adopt_named(ports: Ports, referral: Referral, link: Link, record_id: str, correlation_id: str) -> Link:
    """Link to the record that the referral names. It may be a deal of ours whose creation is not committed yet."""
    intent = ports.ledger.intent(ports.crm.name, record_id)
    if intent and ports.clock.now() - intent.started_at < INTENT_LEASE:
        raise Deferred("the deal is being created from the CRM", retry_after=LOOK_AGAIN)
    known = ports.ledger.link(ports.crm.name, referral.id)
    if known and known.etag != link.etag:
        # Its creation was finished, and so the intent dropped, after we had looked for the link.
        raise StaleError("another worker linked this deal")
    try:
        record = ports.crm.read(record_id)
    except GoneError:
        reason = f"not synchronized: the CRM record {record_id} that it names does not exist"
        return _ignore(ports, link, reason, correlation_id)
    held = record.columns.get(ports.field_map.columns.referral_identifier)
    if held and held != referral.id:
        rule = f"the CRM record {record_id} that the referral names belongs to referral {held}"
        raise DataError(Problem("externalReferenceId", rule, "Correct the CRM ID in Partner Center."))
    return adopt(ports, referral, link, record, correlation_id)


def _create(ports: Ports, referral: Referral, link: Link, correlation_id: str) -> Link:
    mapping = ports.field_map
    seen = observed_referral(referral, mapping)
    created = mapping.created_in_crm(seen.fields)
    received = [Change(name, None, value, "received") for name, value in created.items() if value not in (None, ())]
    entry = _entry(ports, link, "created from Partner Center", correlation_id, received)
    link = replace(
        with_base(link, seen.fields, mapping),
        audit_tail=trail.extend_tail(link.audit_tail, [entry]),
        status_shown=trail.synchronized(ports.clock.now()),
    )
    stage = crm_view(Stage(str(seen.fields[STATUS])))
    columns = {
        **mapping.record_values(created),
        **mapping.status_columns(stage),
        **trail.identity_columns(mapping, referral.id),
        mapping.columns.sync: True,
    }
    if ports.crm_audit is not CrmAudit.OFF:
        columns |= trail.trail_columns(mapping, link)
    record = ports.crm.create(referral.id, columns, _account(ports, referral))
    if not referral.external_reference_id:
        referral = _write_record_id(ports, referral, record.id)
    same = _same(ports, seen.fields, observed_record(record, mapping))
    link = replace(
        link,
        record_id=record.id,
        record_version=record.version if same else None,
        record_seen_at=record.seen_at,
        referral_version=referral.version,
        referral_changed_at=referral.changed_at,
        settled=same,
    )
    return ports.ledger.commit(link, [entry])


def _same(ports: Ports, referral: Fields, record: RecordSeen) -> bool:
    """Whether the new record holds what the referral holds, as far as its columns can."""
    rules = ports.field_map.rules_for(record.record.digits, record.fields)
    return all(rule.fit(referral[rule.name]) == record.fields[rule.name] for rule in rules)


def _account(ports: Ports, referral: Referral) -> AccountWanted:
    rows = {row.name: row for row in ports.field_map.account}
    values = {name: row.codec.fit(row.read_referral(referral.body)) for name, row in rows.items()}
    if not values["customer_name"]:
        rule = "a referral without a customer name cannot be attached to an account"
        raise DataError(Problem("customer_name", rule, "Enter the customer's name in Partner Center."))
    columns = {row.pair.column: row.codec.to_record(values[name]) for name, row in rows.items()}
    match = {rows[name].pair.column: columns[rows[name].pair.column] for name in ports.field_map.file.account.match}
    return AccountWanted(match, columns)


def _write_record_id(ports: Ports, referral: Referral, record_id: str) -> Referral:
    operation = {"op": "replace", "path": "/externalReferenceId", "value": record_id}
    return ports.partner_center.update(referral.id, [operation], referral.version)


def _entry(ports: Ports, link: Link, text: str, correlation_id: str, changes: Iterable[Change] = ()) -> AuditEntry:
    return trail.entry(
        link.referral_id,
        ports.clock.now(),
        trail.TO_CRM,
        text,
        changes,
        correlation_id=correlation_id,
        mapping=ports.field_map,
    )

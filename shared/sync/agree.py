"""Brings one linked deal into agreement: observe, plan, act, commit.

The commit comes last and moves the base only for writes that answered. A stop anywhere before it is healed by the next
run: it finds the written side equal to the other and adopts the value, or meets a newer version and observes again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from shared import merge
from shared.choices import CrmAudit
from shared.crm.port import Record, StageChange
from shared.deal import CLOSING_DATE, CURRENCY, DEAL_VALUE, NAME, SOLUTIONS, STATUS, Fields, Value, show
from shared.errors import DataError, Problem, VersionMismatch
from shared.ledger import audit as trail
from shared.ledger.port import AuditEntry, Link, LinkState
from shared.lifecycle import TERMINAL, Stage, align, status_rule
from shared.mapping.field_map import FieldMap
from shared.merge import Change, Plan, Rule
from shared.partner_center.port import Referral
from shared.sync.fan_out import notify_other_crms
from shared.sync.task import Ports

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReferralSeen:
    """The referral as observed now, or as remembered from the link (then `referral` is None)."""

    fields: Fields
    version: str
    closed: bool
    referral: Referral | None = None


@dataclass(frozen=True)
class RecordSeen:
    """The record as observed now, or as remembered from the link (then its columns are empty)."""

    fields: Fields
    record: Record


def agreed_base(link: Link, mapping: FieldMap) -> Fields:
    """Return the part of the base that today's mapping still means: a row that was changed has no base any more.

    A row that was taken out keeps its base, should it come back.
    """
    today = mapping.fingerprints
    return {name: value for name, value in link.base.items() if name not in today or link.rows.get(name) == today[name]}


def with_base(link: Link, base: Fields, mapping: FieldMap) -> Link:
    """Return the link with a base agreed through today's mapping."""
    rows = {name: mapping.fingerprints.get(name) or link.rows.get(name, "") for name in base}
    return replace(link, base=dict(base), rows=rows, mapping_version=mapping.version)


def remembers(link: Link, mapping: FieldMap) -> bool:
    """Whether the link alone tells what both sides hold: settled, and complete by today's mapping."""
    complete = mapping.field_names <= agreed_base(link, mapping).keys()
    return link.settled and complete and bool(link.referral_version and link.record_version)


def remembered_referral(link: Link) -> ReferralSeen:
    """Return the referral as the link remembers it."""
    return ReferralSeen(link.base, str(link.referral_version), Stage(str(link.base[STATUS])) in TERMINAL)


def remembered_record(link: Link, mapping: FieldMap, record: Record) -> RecordSeen:
    """Return the record as the link remembers it: the base, as far as its columns hold it."""
    fields = {rule.name: rule.fit(link.base[rule.name]) for rule in mapping.rules}
    return RecordSeen({**fields, STATUS: link.base[STATUS]}, record)


def observed_referral(referral: Referral, mapping: FieldMap) -> ReferralSeen:
    """Return a referral that was just read, in canonical values. Raises DataError."""
    return ReferralSeen(mapping.read_referral(referral.body), referral.version, referral.closed, referral)


def observed_record(record: Record, mapping: FieldMap) -> RecordSeen:
    """Return a record that was just read, in canonical values. Raises DataError."""
    return RecordSeen(mapping.read_record(record.columns), record)


def make_plan(
    link: Link,
    referral: ReferralSeen,
    record: RecordSeen,
    mapping: FieldMap,
    *,
    closed_rows_are_read_only: bool = False,
) -> Plan:
    """Plan every field, the status with its own rule for where the two sides stand."""
    base = agreed_base(link, mapping)
    stage = Stage(str(referral.fields[STATUS]))
    agreed = Stage(str(base[STATUS])) if STATUS in base else None
    aligned = align(Stage(str(record.fields[STATUS])), stage, agreed)
    rule = status_rule(stage, aligned, base_known=STATUS in base)
    fields = {**record.fields, STATUS: aligned}
    return merge.plan(
        base,
        referral.fields,
        fields,
        [*_rules(link, base, mapping, record), rule],
        referral_closed=referral.closed,
        record_closed=closed_rows_are_read_only and aligned in TERMINAL,
    )


def _rules(link: Link, base: Fields, mapping: FieldMap, record: RecordSeen) -> list[Rule]:
    """Return the mapping's rules, telling those of changed rows apart."""
    return [
        replace(rule, remapped=True) if rule.name in link.base and rule.name not in base else rule
        for rule in mapping.rules_for(record.record.digits, record.fields)
    ]


class Agreement:
    """One attempt to bring one deal into agreement; changes already written survive into the next attempt's audit."""

    def __init__(self, ports: Ports, correlation_id: str) -> None:
        self.ports = ports
        self.correlation_id = correlation_id
        self._sent: list[Change] = []
        self._received: list[Change] = []

    def reach(self, link: Link, referral: ReferralSeen, record: RecordSeen, *, introduce: bool = False) -> Link:
        """Plan, act and commit. `introduce`: the record does not carry the referral's identity yet.

        Raises StaleError when a side changed since it was observed; then observe again and call once more.
        """
        read_only = self.ports.crm.closed_rows_are_read_only
        plan = make_plan(link, referral, record, self.ports.field_map, closed_rows_are_read_only=read_only)
        check_sendable(plan, record.fields)
        if self.ports.dry_run:
            return self._record_dry_run(link, plan)
        link = replace(
            link,
            base=agreed_base(link, self.ports.field_map),
            referral_version=referral.version,
            record_version=record.record.version,
            record_seen_at=record.record.seen_at,
            state=LinkState.LINKED,
        )
        shown = link.status_shown
        if plan.to_partner_center:
            self.ports.crm.wait_until_guard_holds(record.record)
        self._keep_losers(link, plan, record)
        link, refused = self._send(link, plan, referral)
        link, entries = self._conclude(link, plan, refused, introduce=introduce)
        columns, stage = self._record_write(plan, record)
        if introduce and not self._is_locked(record):
            columns |= trail.identity_columns(self.ports.field_map, link.referral_id)
        if self._shows_trail(record, was=shown, now=link.status_shown, news=bool(entries or columns or stage)):
            columns |= trail.trail_columns(self.ports.field_map, link)
        if columns or stage:
            link = self._write_record(link, plan, record, columns, stage)
        committed = self.ports.ledger.commit(link, entries)
        if self._sent:
            notify_other_crms(self.ports, committed, self.correlation_id)
        if shown and not shown.startswith("✔"):
            for key in (link.referral_id, link.record_id):
                self.ports.ledger.unpark(link.crm, key)
        return committed

    def _keep_losers(self, link: Link, plan: Plan, record: RecordSeen) -> None:
        """Note the edits about to be overwritten: after a stop behind the write, nobody else would have them."""
        rules = self.ports.field_map.rules_for(record.record.digits, record.fields)
        fits = {rule.name: rule.fit for rule in rules}
        losers = [
            change
            for change, fit in (
                *((change, None) for change in plan.to_partner_center),
                *((change, fits.get(change.name)) for change in plan.to_crm),
            )
            if change.old not in (None, False, ())
            and change.old != (fit(link.base.get(change.name)) if fit else link.base.get(change.name))
        ]
        if losers:
            text = f"about to overwrite: {trail.describe(losers)}"
            self.ports.ledger.note(link.crm, link.referral_id, self._entry(link, trail.BOTH, text, losers))

    # --- Partner Center --------------------------------------------------------------------------------------------

    def _send(self, link: Link, plan: Plan, referral: ReferralSeen) -> tuple[Link, dict[str, Value]]:
        """Write to Partner Center; returns the fields that Partner Center answered with another value."""
        changes = plan.to_partner_center
        if not changes:
            return link, {}
        body = referral.referral.body if referral.referral else None
        if body is None and self.ports.field_map.needs_source(changes):
            raise VersionMismatch("the referral must be read before it can be written")
        if any(change.new in (None, (), "") for change in changes):
            self.ports.crm.check_readable()
        operations = self.ports.field_map.operations(changes, body)
        answer = self.ports.partner_center.update(link.referral_id, operations, referral.version)
        self._sent.extend(changes)
        held = self.ports.field_map.read_referral(answer.body)
        refused = {change.name: held[change.name] for change in changes if held[change.name] != change.new}
        return replace(link, referral_version=answer.version, referral_changed_at=answer.changed_at), refused

    # --- the link as it will be ------------------------------------------------------------------------------------

    def _conclude(
        self, link: Link, plan: Plan, refused: dict[str, Value], *, introduce: bool
    ) -> tuple[Link, list[AuditEntry]]:
        """Return the link with the new base, differences and audit trail, before the record is written."""
        base = {**plan.base}
        differences = {each.name: trail.describe_difference(each) for each in plan.differences}
        for name, value in refused.items():
            differences[name] = f"{name} differs: Partner Center answered with {show(value)}"
            if name in link.base:
                base[name] = link.base[name]
            else:
                base.pop(name, None)
        held = [each for each in plan.differences if each.held]
        entries = self._entries(link, plan, differences)
        if introduce and not entries:
            entries = [self._entry(link, trail.BOTH, "linked")]
        if held:
            status = trail.attention(trail.describe_difference(held[0]))
        elif entries or not link.status_shown.startswith("✔"):
            status = trail.synchronized(self.ports.clock.now())
        else:
            status = link.status_shown
        link = replace(
            with_base(link, base, self.ports.field_map),
            differences=differences,
            settled=not differences,
            status_shown=status,
            audit_tail=trail.extend_tail(link.audit_tail, entries),
        )
        return link, entries

    def _entries(self, link: Link, plan: Plan, differences: dict[str, str]) -> list[AuditEntry]:
        found = []
        if self._sent:
            found.append(self._entry(link, trail.TO_PARTNER_CENTER, trail.describe(self._sent), self._sent))
        received = [*self._received, *plan.to_crm]
        if received:
            found.append(self._entry(link, trail.TO_CRM, trail.describe(received), received))
        written = {change.name for change in (*self._sent, *received)}
        adopted = [change for change in plan.adopted if change.name not in written]
        if adopted:
            found.append(self._entry(link, trail.BOTH, trail.describe(adopted), adopted))
        news = [text for name, text in differences.items() if link.differences.get(name) != text]
        if news:
            found.append(self._entry(link, trail.BOTH, "; ".join(news)))
        return found

    def _entry(self, link: Link, direction: str, text: str, changes: list[Change] | None = None) -> AuditEntry:
        return trail.entry(
            link.referral_id,
            self.ports.clock.now(),
            direction,
            text,
            changes or (),
            correlation_id=self.correlation_id,
            mapping=self.ports.field_map,
        )

    # --- the record ------------------------------------------------------------------------------------------------

    def _record_write(self, plan: Plan, record: RecordSeen) -> tuple[dict[str, object], StageChange | None]:
        values = {change.name: change.new for change in plan.to_crm if change.name != STATUS}
        moves = [change for change in plan.to_crm if change.name == STATUS]
        stage = None
        if moves:
            after = Stage(str(moves[0].new))
            columns = self.ports.field_map.status_columns(after)
            stage = StageChange(Stage(str(record.fields[STATUS])), after, columns)
        return self.ports.field_map.record_values(values), stage

    def _is_locked(self, record: RecordSeen) -> bool:
        """Whether the record is closed in a CRM that then refuses every write."""
        return self.ports.crm.closed_rows_are_read_only and Stage(str(record.fields[STATUS])) in TERMINAL

    def _shows_trail(self, record: RecordSeen, *, was: str, now: str, news: bool) -> bool:
        """Whether the Audit and status columns are written now."""
        if self._is_locked(record):
            return False
        if self.ports.crm_audit is CrmAudit.OFF:
            return False
        if self.ports.crm_audit is CrmAudit.CREATES_AND_FAILURES:
            return not was or "✖" in (was[:1], now[:1])
        return news or was != now

    def _write_record(
        self, link: Link, plan: Plan, record: RecordSeen, columns: dict[str, object], stage: StageChange | None
    ) -> Link:
        try:
            written = self.ports.crm.update(record.record, columns, stage)
        except VersionMismatch:
            if plan.to_crm:
                raise
            # Only our own columns were to be written. The seller's newer edit comes with the change feed; until then
            # the version we planned with is the one we know.
            log.info("audit not shown: the record changed meanwhile", extra={"record_id": link.record_id})
            return replace(link, settled=False)
        self._received.extend(plan.to_crm)
        changes = {change.name: change.new for change in plan.to_crm if change.name != STATUS}
        held = {name: self.ports.field_map.rows[name].read_record(written.columns) for name in changes}
        rules = {rule.name: rule for rule in self.ports.field_map.rules_for(written.digits, held)}
        altered = any(rules[name].fit(value) != held[name] for name, value in changes.items())
        # A row that does not hold what was written was altered by the CRM's own logic: an edit like any other, so the
        # version is not remembered and the change feed's row will be looked at.
        version = None if altered else written.version
        return replace(
            link, record_version=version, record_seen_at=written.seen_at, settled=link.settled and not altered
        )

    def _record_dry_run(self, link: Link, plan: Plan) -> Link:
        changes = [*plan.to_partner_center, *plan.to_crm]
        text = f"dry run, nothing written: {trail.describe(changes) or 'nothing to write'}"
        self.ports.ledger.note(link.crm, link.referral_id, self._entry(link, trail.BOTH, text, changes))
        return link


_NEEDED = {
    NAME: "Give the deal a name.",
    DEAL_VALUE: "Enter the deal's value.",
    CURRENCY: "Choose the deal's currency.",
    CLOSING_DATE: "Enter the estimated closing date.",
    SOLUTIONS: "Enter at least one solution id in the products column.",
}


def check_sendable(plan: Plan, record: Fields) -> None:
    """Refuse, before any call, what Partner Center would refuse. Raises DataError."""
    problems = []
    for change in plan.to_partner_center:
        if change.name in _NEEDED and change.new in (None, ()):
            problems.append(Problem(change.name, "Partner Center cannot be without it", _NEEDED[change.name]))
        if change.name == STATUS and change.new == Stage.WON and not record[DEAL_VALUE]:
            remedy = "Enter the deal's value, then win it again."
            problems.append(Problem(DEAL_VALUE, "a deal is only won with a value above zero", remedy))
    if problems:
        raise DataError(*problems)

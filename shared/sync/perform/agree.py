"""Brings one linked deal into agreement: write to both sides as planned, compare what they answer, commit.

The commit comes last and moves the base only for writes that answered. A stop anywhere before it is healed by the next
run: it finds the written side equal to the other and adopts the value, or meets a newer version and observes again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.choices import CrmAudit
from shared.crm.port import PartlyWritten, Record, StageChange
from shared.deal import STATUS, Value
from shared.decide.deal import Deal
from shared.decide.decisions import Agree
from shared.decide.fights import SHOW, TIE, goes_round, looked_at_again, once_more, repeats, restless
from shared.decide.masks import looks_masked
from shared.decide.planning import MASKED, agreed_base
from shared.errors import CosellError, VersionMismatch
from shared.ledger import audit
from shared.ledger.model import AuditEntry
from shared.link import Closing, LinkState
from shared.mapping.catalogue import named
from shared.merge import Change, Difference, Plan
from shared.messages.reasons import Reason
from shared.status import Status, StatusKind, differs
from shared.sync.base import with_base
from shared.sync.fan_out import notify_other_crms
from shared.sync.outcome import Outcome
from shared.sync.perform import deadlines, identity, microsoft, odd, registered, tied
from shared.sync.perform.apart import apart
from shared.sync.perform.behind import DRIFTS, come_back, no_more_behind
from shared.sync.perform.guarded import wait_for_guard
from shared.sync.perform.overwritten import note_overwritten
from shared.sync.perform.stage_change import stage_change
from shared.sync.perform.written import Written, altered_by_partner_center, is_as_planned
from shared.sync.statuses import agreed_status
from shared.sync.task import Task


def reach(task: Task, _deal: Deal, decision: Agree, written: Written, closing: Closing | None = None) -> Outcome:
    """Write what is planned to Partner Center, then to the CRM, and commit.

    Raises StaleError when a side changed since it was observed; then observe and decide again.
    """
    if any(each.code == MASKED for each in decision.problems):
        task.records.check_readable()  # Where rights say the same, an administrator is told.
    agreement = _Agreement(task, decision, written, closing)
    if agreement.plan.to_partner_center:
        wait_for_guard(task, agreement.record, decision.link)
    note_overwritten(task, decision, agreement.link.base)
    altered = agreement.write_referral()
    entries = agreement.conclude(altered)
    columns, stage = agreement.record_write(news=bool(entries))
    if columns or stage:
        agreement.write_record(columns, stage)
    before, link = decision.link, agreement.link
    registered.look_soon(task, before, link)
    dues = deadlines.due(task, before, link) + microsoft.watch(task, before, link, closed=decision.referral.closed)
    invited, met = microsoft.fulfilled(task, before, link), deadlines.met(before, link)
    committed = task.links.commit(link, entries, invited, dues, met)
    if agreement.refused:
        raise agreement.refused  # The deal is set aside for it; what was written stays, and the record says why.
    if written.sent:
        notify_other_crms(task, committed)
    agreement.forget_what_waited()
    written.before, written.after = before, committed
    return Outcome.AGREED


class _Agreement:
    """One attempt to carry out one plan."""

    def __init__(self, task: Task, decision: Agree, written: Written, closing: Closing | None) -> None:
        self.task = task
        self.decision = decision
        self.plan: Plan = decision.plan
        self.written = written
        self.refused: CosellError | None = None
        self.unshown = False
        record = decision.record
        self.record = Record(record.key.id, record.version, record.columns or {}, record.seen_at)
        self.before = decision.link
        self.body = decision.referral.body
        self.link = replace(
            decision.link,
            base=agreed_base(decision.link, task.field_map),
            referral_version=decision.referral.version,
            record_version=record.version,
            record_seen_at=record.seen_at,
            state=LinkState.LINKED,
            closing=closing,
            owner=decision.link.owner or record.owner,
            repeats=repeats(self.plan, decision.link, task.clock.now()),
            restless=restless(self.plan, decision.link, task.clock.now()),
        )
        if decision.ties:
            self.link = replace(self.link, repeats=once_more(self.link, TIE, task.clock.now()))

    def _note_what_cannot_be_shown(self) -> None:
        now = self.link.status
        if now is None or now == self.before.status or not self._is_locked:
            return
        self.link = replace(self.link, unshown=True)
        history = all(each.reason is Reason.HISTORICAL for each in self.plan.differences)
        if now.kind is StatusKind.ATTENTION or (now.kind is StatusKind.DIFFERS and not history):
            self.written.unseen = now.text  # What ended before it was linked is left as it is, and needs nobody.

    def forget_what_waited(self) -> None:
        now, problems = self.task.clock.now(), self.decision.problems
        moving = [each.name for each in self.plan.differences if each.reason is Reason.KEEPS_CHANGING]
        if problems or moving or self.unshown:
            self.written.behind = True
            rested = looked_at_again(self.link, moving, now)
            come_back(self.task, self.link, problems, rested - now if rested else None if problems else DRIFTS)
        else:
            self.written.healed |= no_more_behind(self.task, self.decision, self.link)

    # --- Partner Center --------------------------------------------------------------------------------------------

    def write_referral(self) -> dict[str, Value]:
        """Write to Partner Center; returns the fields in which the answer is not what was planned."""
        changes, field_map = self.plan.to_partner_center, self.task.field_map
        if not changes:
            return {}
        body = self.decision.referral.body
        if body is None and field_map.needs_source(changes):
            raise VersionMismatch("the referral must be read before it can be written")
        if any(each.new in (None, (), "", False) or looks_masked(each.new) for each in changes):
            self.task.records.check_readable()  # What the app may not read looks empty or masked, and is no edit.
        operations = field_map.operations(changes, body)
        version = str(self.link.referral_version)
        answer = self.task.partner_center.update(self.link.referral_id, operations, version)
        self.written.sent.extend(changes)
        self.body = answer.body
        self.link = replace(self.link, referral_version=answer.version, referral_changed_at=answer.changed_at)
        return altered_by_partner_center(field_map, self.decision.referral, changes, answer)

    # --- the link as it will be ------------------------------------------------------------------------------------

    def conclude(self, altered: dict[str, Value]) -> list[AuditEntry]:
        """Bring the link to what is agreed now, before the record is written; returns the audit of it."""
        messages = self.task.choices.messages
        base = {**self.plan.base}
        differences = {each.name: audit.describe_difference(messages, each) for each in self.plan.differences}
        for name, value in altered.items():
            answered = Difference(name, value, self.decision.record.fields.get(name), Reason.ANSWERED_OTHERWISE)
            differences[name] = audit.describe_difference(messages, answered)
            base.pop(name, None)
            base |= {name: self.link.base[name]} if name in self.link.base else {}
        half = self.decision.microsoft
        entries = [*tied.entries(self.task, self.before, base), *self._entries(differences)]
        entries += microsoft.entries(self.task, self.before, half)
        entries += odd.entries(self.task, self.link.referral_id, self.before.base, base)
        entries += registered.entries(self.task, self.before, self.decision.registration)
        known, shows = self.before.registration, self._takes_columns
        registration = registered.remembered(self.task, known, self.decision.registration, shows=shows)
        self.link = replace(self.link, registration=registration)
        self.link = deadlines.with_deadline(self.task, self.before, self.link, base, self.body)
        self.link = with_base(self.link, base, self.task.field_map)
        self.link = replace(
            self.link,
            differences=differences,
            apart=apart(self.plan, self.decision.record.fields, altered, self.before, self.task.clock.now()),
            settled=not (differences or self.decision.problems),
            status=self._status(altered, news=bool(entries or self.written.shown)),
            recent_audit=audit.extended(self.link.recent_audit, entries),
            microsoft=microsoft.remembered(self.before.microsoft, half, shown=self._takes_columns),
        )
        return entries

    def _status(self, altered: dict[str, Value], *, news: bool) -> Status:
        shown, now = self.before.status, agreed_status(self.task, self.decision, tuple(altered), self.link)
        unchanged = shown and shown.kind is now.kind is StatusKind.SYNCHRONIZED and not news
        return shown if shown and unchanged else now

    def _entries(self, differences: dict[str, str]) -> list[AuditEntry]:
        messages, found = self.task.choices.messages, []
        sent, received = self.written.sent, [*self.written.received, *self.plan.to_crm]
        if sent:
            text = audit.describe(messages, named(self.task.field_map, sent, self.decision.record.columns))
            found.append(self._entry(audit.TO_PARTNER_CENTER, text, sent))
        if received:
            text = audit.describe(messages, named(self.task.field_map, received))
            found.append(self._entry(audit.TO_CRM, text, received))
        written = {change.name for change in (*sent, *received)}
        adopted = [change for change in self.plan.adopted if change.name not in written]
        if adopted:
            found.append(self._entry(audit.BOTH, audit.describe(messages, adopted), adopted))
        if self.before.closing and not self.link.closing and not any(each.name == STATUS for each in sent):
            text = messages.reason(Reason.CLOSE_TAKEN_BACK, stage=str(self.before.closing.stage))
            found.append(self._entry(audit.BOTH, text))
        news = [text for name, text in differences.items() if self.before.differences.get(name) != text]
        if news:
            found.append(self._entry(audit.BOTH, "; ".join(news)))
        return found

    def _entry(self, direction: str, text: str, changes: list[Change] | None = None) -> AuditEntry:
        return audit.entry(self.task.stamp(), self.link.referral_id, direction, text, changes or ())

    # --- the record ------------------------------------------------------------------------------------------------

    @property
    def _is_locked(self) -> bool:
        """Whether the record is closed in a CRM that then refuses every write."""
        return self.task.policy.closed_rows_are_read_only and self.decision.record.closed

    def record_write(self, *, news: bool) -> tuple[dict[str, object], StageChange | None]:
        """Return what is written to the record: planned values, the identity of a new tie, and audit where it shows."""
        told = self.decision.told if self._takes_columns else ()
        values = {change.name: change.new for change in (*self.plan.to_crm, *told) if change.name != STATUS}
        columns, stage = self.task.field_map.record_values(values), stage_change(self.task, self.decision)
        columns |= registered.columns(self.task, self.before, self.link)
        if self.decision.ties and self._takes_columns:
            columns |= identity.columns(self.task.field_map, self.link.referral_id)
        self._note_what_cannot_be_shown()
        something_new = bool(news or columns or stage or self.written.shown)
        if self._shows_audit(news=something_new) and self._may_show(columns, stage):
            self.link = replace(self.link, unshown=False)
            columns |= identity.audit_columns(self.task.field_map, self.link)
        return columns, stage

    def _may_show(self, columns: Mapping[str, object], stage: StageChange | None) -> bool:
        """Whether a write for the audit's sake alone is no answer to automation that answers each one with a change."""
        now, alone = self.task.clock.now(), not (columns or stage)
        self.unshown = alone and goes_round(self.before, SHOW, now)
        if alone:
            status = self.before.status if self.unshown else self.link.status
            repeats = self.link.repeats if self.unshown else once_more(self.link, SHOW, now)
            self.link = replace(self.link, status=status, repeats=repeats)
        restless = sorted({*self.before.differences, *self.link.differences})
        if alone and not self.unshown and restless and goes_round(self.link, SHOW, now):
            # The last write of such a row must not say ✔ of what is different again at once.
            last = differs(self.task.choices.messages, Reason.KEEPS_CHANGING, restless)
            self.link = replace(self.link, status=last)
        return not self.unshown

    def _shows_audit(self, *, news: bool) -> bool:
        """Whether the Audit and status columns are written now."""
        was, now = self.before.status, self.link.status
        if not self._takes_columns or self.task.choices.crm_audit is CrmAudit.OFF:
            return False
        if self.task.choices.crm_audit is CrmAudit.CREATES_AND_FAILURES:
            return was is None or any(each and each.kind is StatusKind.ATTENTION for each in (was, now))
        return news or was != now or self.before.unshown

    @property
    def _takes_columns(self) -> bool:
        """Whether its columns may be written: not when a deal that ended before it was ever looked at is tied."""
        record = self.decision.record  # One that an interrupted creation, or a copy, left saying ✔ is put right.
        untrue = record.marked and bool(self.plan.differences or self.decision.problems)
        is_history = self.before.etag is None and record.closed and not untrue
        return not (self._is_locked or is_history)

    def write_record(self, columns: dict[str, object], stage: StageChange | None) -> None:
        wait_for_guard(self.task, self.record, self.before)
        self.written.shown |= self.task.field_map.columns.audit in columns
        try:
            written = self.task.records.update(self.record, columns, stage)
        except PartlyWritten as partly:
            self._keep_finished_part(partly)
            return
        self.written.received.extend(self.plan.to_crm)
        # A row that does not hold what is agreed was altered by the CRM's own logic: an edit like any other, so its
        # version is not remembered and the change feed's row will be looked at.
        before, moved = self.decision.record, bool(stage)
        as_planned = is_as_planned(self.task.field_map, before, written, self.plan.to_crm, moved=moved)
        self.link = replace(
            self.link,
            record_version=written.version if as_planned else None,
            record_seen_at=written.seen_at,
            settled=self.link.settled and as_planned,
        )

    def _keep_finished_part(self, partly: PartlyWritten) -> None:
        """Remember the columns that were written before the CRM refused to move the record's state."""
        base = {name: value for name, value in self.link.base.items() if name != STATUS}
        base |= {STATUS: self.before.base[STATUS]} if STATUS in self.before.base else {}
        self.refused = partly.cause
        self.written.received.extend(each for each in self.plan.to_crm if each.name != STATUS)
        self.link = replace(
            with_base(self.link, base, self.task.field_map),
            differences={**self.link.differences, STATUS: str(partly.cause)},
            settled=False,
            record_version=partly.record.version,
            record_seen_at=partly.record.seen_at,
        )

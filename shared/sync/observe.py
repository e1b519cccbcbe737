"""The reads of a deal: what its two sides hold, from the vendors or, where the link is sure of it, from memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from shared.crm.port import Record
from shared.deal import STATUS, RecordKey, identifier_in
from shared.decide import decide
from shared.decide.deal import GONE, Absence, Deal, IntentState, Need, RecordSeen, ReferralSeen
from shared.decide.decisions import Decision
from shared.decide.planning import agreed_base
from shared.decide.unlinked import ties
from shared.errors import GoneError
from shared.ledger.drawers import merged_into
from shared.ledger.model import Intent
from shared.lifecycle import Stage
from shared.link import Link
from shared.mapping.field_map import FieldMap
from shared.messages.reasons import Reason
from shared.microsoft import MicrosoftsHalf
from shared.partner_center.port import Referral
from shared.queue.message import DealMessage
from shared.referral_kind import ReferralKind
from shared.status import kind_shown
from shared.sync import copies
from shared.sync.around import surroundings
from shared.sync.microsofts_half import read_half
from shared.sync.sharing import look_around
from shared.sync.task import Task

INTENT_LEASE = timedelta(minutes=10)
"""How long a worker that wrote down an intent is trusted to be alive: the longest a function may run."""


def seen_referral(task: Task, referral: Referral, *, ours: bool = True) -> ReferralSeen:
    """Return a referral that was just read, in canonical values."""
    fields, unreadable = task.field_map.read_referral(referral.body)
    named = referral.external_reference_id
    return ReferralSeen(
        referral.id,
        fields,
        referral.version,
        Stage(str(fields[STATUS])),
        referral.changed_at,
        referral.engagement_id,
        ours=ours,
        unreadable=unreadable,
        ignored=_ignored(task, referral),
        names=task.key(named) if named and task.records.owns(named) else None,
        names_any=bool(named),
        body=referral.body,
    )


def _ignored(task: Task, referral: Referral) -> Reason | None:
    if referral.kind.is_lead and not task.field_map.file.leads:
        return Reason.LEADS_OFF
    if referral.kind is ReferralKind.MARKETPLACE_LEAD and referral.is_undecided and not task.field_map.is_lead:
        return Reason.UNACCEPTED_LEAD  # Without a table of leads, those that Microsoft qualified are invitations.
    return None if task.field_map.referral_qualifies(referral.body) else Reason.CONDITION_NOT_MET


def seen_record(task: Task, record: Record) -> RecordSeen:
    """Return a record that was just read, in canonical values."""
    fields, unreadable = task.field_map.read_record(record.columns)
    own = task.field_map.columns
    typed = str(record.columns.get(own.referral_identifier) or "").strip()
    return RecordSeen(
        task.key(record.id),
        fields,
        record.version,
        record.seen_at,
        qualifies=task.field_map.record_qualifies(record.columns),
        switched_on=bool(record.columns.get(own.sync)),
        owner=_owner(task, record),
        identifier=identifier_in(typed),
        typed=typed,
        lead=task.field_map.is_lead,
        tied=bool(record.columns.get(own.referral_link)),
        shows=kind_shown(record.columns.get(own.status)),
        unreadable=unreadable,
        digits=record.digits,
        columns=record.columns,
    )


def _owner(task: Task, record: Record) -> str:
    follows = task.field_map.file.team_follows_owner
    return str(record.columns.get(task.records.owner_column) or "") if follows else ""


# --- from memory -----------------------------------------------------------------------------------------------------


def remembers(link: Link, field_map: FieldMap) -> bool:
    """Whether the link alone tells what both sides hold: settled, and complete by today's mapping."""
    complete = field_map.field_names <= agreed_base(link, field_map).keys()
    return link.settled and complete and bool(link.referral_version and link.record_version)


def remembered_referral(link: Link) -> ReferralSeen:
    """Return the referral as the link remembers it."""
    stage = Stage(str(link.base[STATUS]))
    return ReferralSeen(link.referral_id, link.base, link.referral_version, stage, engagement_id=link.engagement_id)


def remembered_record(link: Link, field_map: FieldMap) -> RecordSeen:
    """Return the record as the link remembers it: the base, as far as its columns hold it."""
    assert link.record  # noqa: S101 - a settled link has a record
    assert link.record_seen_at  # noqa: S101
    fields = {rule.name: rule.fit(link.base[rule.name]) for rule in field_map.rules}
    return RecordSeen(
        link.record,
        {**fields, STATUS: link.base[STATUS]},
        link.record_version,
        link.record_seen_at,
        identifier=link.referral_id,
        lead=field_map.is_lead,
        tied=True,
    )


# --- piece by piece --------------------------------------------------------------------------------------------------


class Observer:
    """Reads the pieces of one deal. `trusting` lets the link's memory stand for a side that nobody said changed."""

    def __init__(self, task: Task, *, trusting: bool) -> None:
        self._task = task
        self.trusting = trusting

    def decide(self, deal: Deal) -> tuple[Deal, Decision]:
        """Decide, reading what is needed for it; returns the deal as far as it was read. Raises the families."""
        decision = decide(deal, self._task.field_map, self._task.policy)
        while isinstance(decision, Need):
            deal = self.observe(deal, decision)
            decision = decide(deal, self._task.field_map, self._task.policy)
        return deal, decision

    def observe(self, deal: Deal, need: Need) -> Deal:
        """Return the deal with the piece that is needed. Raises the families."""
        match need:
            case Need.REFERRAL | Need.REFERRAL_ITSELF:
                return replace(deal, referral=self._referral(deal, remember=need is Need.REFERRAL))
            case Need.RECORD | Need.RECORD_ITSELF:
                return replace(deal, record=self._record(deal, remember=need is Need.RECORD))
            case Need.INTENT:
                return replace(deal, intent=self._intent(deal))
            case Need.HOLDER:
                return replace(deal, holder=self._holder(deal))
            case Need.HOLDER_RECORD:
                assert isinstance(deal.holder, Link)  # noqa: S101 - only a link that ties another record is asked for it
                return replace(deal, holder_record=self._holder_record(deal.holder))
            case Need.SUCCESSOR:
                return replace(deal, successor=self._successor(deal))
            case Need.SUCCESSOR_RECORD:
                assert isinstance(deal.successor, RecordKey)  # noqa: S101 - only a record that is known is asked for
                return replace(deal, successor_record=self.read_record(deal.successor.id))
            case Need.CARRIER:
                return replace(deal, carrier=self._carrier(deal))
            case Need.COPY | Need.SHARING | Need.MICROSOFT | Need.AROUND:
                return self._around(deal, need)
        assert_never(need)

    def _around(self, deal: Deal, need: Need) -> Deal:
        """Return the deal with what there is about a record that is to be made or shared, or about its help."""
        if need is Need.AROUND:
            assert isinstance(deal.referral, ReferralSeen)  # noqa: S101 - one that is to become a record
            return replace(deal, around=surroundings(self._task, deal.referral))
        if need is Need.MICROSOFT:
            return replace(deal, microsoft=self._microsoft(deal))
        assert isinstance(deal.record, RecordSeen)  # noqa: S101 - a record that was just read
        if need is Need.COPY:
            return replace(deal, copied=copies.copied(self._task, deal.record.key))
        return replace(deal, sharing=look_around(self._task, deal.record))

    def _referral(self, deal: Deal, *, remember: bool) -> ReferralSeen | Absence:
        if remember and deal.link and self.trusting and remembers(deal.link, self._task.field_map):
            return remembered_referral(deal.link)
        return self.read_referral(_referral_id(deal))

    def read_referral(self, referral_id: str) -> ReferralSeen | Absence:
        """Read a referral of which it is not known whose it is."""
        try:
            referral = self._task.partner_center.read(referral_id)
        except GoneError:
            return GONE
        return seen_referral(self._task, referral, ours=self._task.organization.owns(referral))

    def _record(self, deal: Deal, *, remember: bool) -> RecordSeen | Absence:
        link, field_map = deal.link, self._task.field_map
        if remember and link and self.trusting and remembers(link, field_map) and link.record_seen_at:
            return remembered_record(link, field_map)
        return self.read_record(_record_key(deal).id)

    def read_record(self, record_id: str) -> RecordSeen | Absence:
        """Read a record."""
        try:
            return seen_record(self._task, self._task.records.read(record_id))
        except GoneError:
            return GONE

    def _intent(self, deal: Deal) -> IntentState:
        intent = self._task.intents.of(_record_key(deal))
        if intent is None:
            return IntentState.NONE
        return IntentState.FRESH if is_fresh(intent, self._task.clock.now()) else IntentState.ABANDONED

    def _holder(self, deal: Deal) -> Link | None:
        if isinstance(deal.successor, RecordKey):
            return self._task.links.of_record(deal.successor)
        if deal.starts_at == "record":
            referral_id = self._merged_deal(deal) if _is_unidentified(deal) else _referral_id(deal)
            return self._task.links.of_referral(referral_id) if referral_id else None
        return self._task.links.of_record(_record_key(deal))

    def _merged_deal(self, deal: Deal) -> str:
        """Return the referral id of the deal whose record was merged into this one; empty for none."""
        return self._task.drawers.read(merged_into(_record_key(deal))).value

    def _holder_record(self, holder: Link) -> RecordSeen | Absence:
        """Read the record that another link ties, in its own table. One that nobody synchronizes any more is gone."""
        task = self._task.at(holder.record.table) if holder.record else None
        if task is None or holder.record is None:
            return GONE
        return Observer(task, trusting=False).read_record(holder.record.id)

    def _successor(self, deal: Deal) -> RecordKey | None:
        record_id = _record_key(deal).id
        if isinstance(deal.record, RecordSeen) and deal.record.qualified:
            opportunity = self._task.records.qualified_to(record_id)
            return self._task.opportunity.key(opportunity) if opportunity else None
        found = self._task.records.successor(record_id)
        return self._task.key(found) if found else None

    def _microsoft(self, deal: Deal) -> MicrosoftsHalf | None:
        assert isinstance(deal.referral, ReferralSeen)  # noqa: S101 - both sides were just looked at
        engagement = self._task.partner_center.engagement(deal.referral.engagement_id)
        theirs, own = engagement.microsoft, engagement.row(deal.referral.id)
        return read_half(self._task.field_map, theirs, own) if theirs else None

    def _carrier(self, deal: Deal) -> RecordSeen | None:
        found = self._task.records.find(_referral_id(deal))
        return seen_record(self._task, found) if found else None


def is_fresh(intent: Intent, now: datetime) -> bool:
    """Whether the worker that holds an intent may still be alive."""
    return now - intent.started_at < INTENT_LEASE


def _is_unidentified(deal: Deal) -> bool:
    """Whether the deal is a record alone, which leads to no referral."""
    return deal.link is None and isinstance(deal.record, RecordSeen) and not deal.record.identifier


def _referral_id(deal: Deal) -> str:
    if isinstance(deal.referral, ReferralSeen):
        return deal.referral.id
    if isinstance(deal.record, RecordSeen) and deal.record.identifier and not ties(deal.link):
        return deal.record.identifier  # Not that of a referral which named the record, and was ignored.
    assert deal.link  # noqa: S101 - a deal has at least one side, and a record without identifier has its link's
    return deal.link.referral_id


def _record_key(deal: Deal) -> RecordKey:
    if deal.ordered:
        return deal.ordered
    for record in (deal.record, deal.carrier):
        if isinstance(record, RecordSeen):
            return record.key
    if deal.link and deal.link.record:
        return deal.link.record
    assert isinstance(deal.referral, ReferralSeen)  # noqa: S101 - a deal has at least one side
    assert deal.referral.names  # noqa: S101 - which names the record
    return deal.referral.names


def saw_unshared(task: Task, message: DealMessage) -> bool:
    """Whether the change feed saw the message's record with Sync off: such a record is not written."""
    columns = (message.observed or {}).get("columns")
    return isinstance(columns, dict) and not columns.get(task.field_map.columns.sync)

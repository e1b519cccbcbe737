"""What it takes to handle deals of one table of one CRM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from random import Random

from shared.choices import CrmAudit
from shared.clock import Clock
from shared.crm.port import Records
from shared.deadline import Reminders
from shared.deal import RecordKey
from shared.decide.deal import Policy
from shared.ledger.audit import Stamp
from shared.ledger.drawers import Drawers
from shared.ledger.port import Agenda, Audit, DealLedger, Intents, Links
from shared.mapping.field_map import FieldMap
from shared.messages import Messages
from shared.partner_center.organization import Organization
from shared.partner_center.port import PartnerCenter
from shared.queue.message import DealMessage
from shared.queue.port import DealQueue


@dataclass(frozen=True)
class Choices:
    """What the settings choose for every deal."""

    crm_audit: CrmAudit = CrmAudit.EVERY_CHANGE
    dry_run: bool = False
    policy: Policy = field(default_factory=Policy)
    messages: Messages = field(default_factory=Messages)
    mass_deals: int = 25
    mass_percent: int = 10
    """A change that ends, clears, switches off or deletes more deals than both within an hour waits for a person."""
    audit_retention_days: int = 0
    """For how long the ledger keeps the audit; 0 is for ever."""
    reminders: Reminders = field(default_factory=Reminders)
    """When people are reminded of what has to be done by a certain day."""


@dataclass(frozen=True)
class Task:
    """The collaborators of every use case, for one binding: a CRM, its table, and the field map between them.

    `correlation_id` ties together everything that one message causes. `other_crms` are the names of the other CRMs
    that the app is configured with.
    """

    records: Records
    partner_center: PartnerCenter
    organization: Organization
    ledger: DealLedger
    drawers: Drawers
    queue: DealQueue
    field_map: FieldMap
    clock: Clock
    random: Random
    choices: Choices = field(default_factory=Choices)
    other_crms: tuple[str, ...] = ()
    correlation_id: str = ""
    bindings: Mapping[str, Task] = field(default_factory=dict, compare=False, repr=False)
    """The tasks of all of this CRM's bindings, by table, the opportunity's first; empty where there is one alone."""

    @property
    def name(self) -> str:
        """The CRM's name."""
        return self.records.name

    @property
    def binding(self) -> str:
        """The binding's name: the CRM's for its opportunities, else with the table behind it."""
        table = self.field_map.table
        return self.name if table == next(iter(self.bindings), table) else f"{self.name}-{table}"

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of this CRM that are synchronized, the opportunity's first."""
        return tuple(self.bindings) or (self.field_map.table,)

    def at(self, table: str | None) -> Task | None:
        """Return the task of a table of this CRM, of its opportunities without one; None when it has no binding."""
        table = table or self.tables[0]
        if table == self.field_map.table:
            return self
        found = self.bindings.get(table)
        if found is None or found.correlation_id == self.correlation_id:
            return found
        return replace(found, correlation_id=self.correlation_id)

    @property
    def lead(self) -> Task | None:
        """The task of this CRM's leads, where it has that table."""
        return self.at(self.tables[1]) if len(self.tables) > 1 else None

    @property
    def opportunity(self) -> Task:
        """The task of this CRM's opportunities."""
        return self.at(None) or self

    @property
    def links(self) -> Links:
        """The links of this CRM."""
        return self.ledger.links

    @property
    def audit(self) -> Audit:
        """The audit of this CRM's deals."""
        return self.ledger.audit

    @property
    def intents(self) -> Intents:
        """The unfinished intents of this CRM."""
        return self.ledger.intents

    @property
    def agenda(self) -> Agenda:
        """What is due for this CRM's deals."""
        return self.ledger.agenda

    @property
    def policy(self) -> Policy:
        """The settings that decisions depend on."""
        return self.choices.policy

    @property
    def reminders(self) -> Reminders:
        """When people are reminded, by the settings; and of which wins, by the mapping file."""
        warnings = self.field_map.file.warnings
        hours, dollars = timedelta(hours=warnings.win_within_hours or 0), Decimal(warnings.win_below_usd or 0)
        return replace(self.choices.reminders, settled_for=hours, least_value=dollars)

    def stamp(self) -> Stamp:
        """Return what every audit entry of this piece of work has in common."""
        return Stamp(self.clock.now(), self.correlation_id, self.field_map.version)

    def deal_key(self, message: DealMessage) -> str:
        """Return the key of a message's deal, as far as the message knows it."""
        return message.referral_id or self.key(str(message.record_id)).deal

    def key(self, record_id: str) -> RecordKey:
        """Return the key of a record in this task's table."""
        return RecordKey(self.records.name, self.field_map.table, record_id)

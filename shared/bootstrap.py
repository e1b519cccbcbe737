"""The only place where settings become adapters. Made once per process, at the first invocation.

It may grow longer than other files: every adapter is made here, and nothing else is done.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from shared import telemetry
from shared.alerts import Alerts
from shared.channel import Channel
from shared.choices import OnLoss
from shared.clock import Clock, SystemClock
from shared.crm.dynamics365.connect import Dynamics365Connection
from shared.crm.port import Connection
from shared.crm.salesforce.connect import SalesforceConnection
from shared.http import RequestsTransport, Transport
from shared.identity import Identity
from shared.ledger.port import Ledger
from shared.partner_center.connect import PartnerCenterConnection
from shared.partner_center.port import PartnerCenter
from shared.partner_center.webhooks import Webhooks
from shared.settings import Settings, load_settings
from shared.webhook.watchdog import Watchdog

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.queue import QueueClient

    from shared.checkup import Finding
    from shared.crm.port import Records
    from shared.desk.desk import Desk
    from shared.freshness import Freshness
    from shared.mapping.field_map import FieldMap
    from shared.pace import Pace
    from shared.partner_center.signature import SignatureCheck
    from shared.queue.storage_queue import StorageDealQueue
    from shared.sync.gate import Gate
    from shared.sync.task import Choices, Task
    from shared.sync.worker import Tasks, Worker
    from shared.webhook.heartbeat import Heartbeat
    from shared.webhook.receiver import Receiver
    from shared.webhook.registration_answers import RegistrationAnswers
    from shared.webhook.rounds import Rounds


CONNECTORS: Mapping[str, Callable[[Settings, Transport, Clock, Identity], Connection]] = {
    "dynamics365": Dynamics365Connection,
    "salesforce": SalesforceConnection,
}
"""The CRMs that there are. Another one is an entry here, and a folder in `shared/crm`."""


class App:
    """The adapters that the settings ask for, each made when first needed."""

    def __init__(self, settings: Settings, clock: Clock | None = None, transport: Transport | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.transport = transport or RequestsTransport()
        self.random = random.Random()  # noqa: S311 - jitter, not a secret
        self._connections: dict[str, Connection] = {}

    # --- storage ---------------------------------------------------------------------------------------------------

    @functools.cached_property
    def ledger(self) -> Ledger:
        """The ledger in Table Storage."""
        from shared.ledger.table_ledger import TABLE, TableLedger
        from shared.storage import table_client

        return TableLedger(table_client(self.settings, TABLE, lambda: self._storage_identity))

    @functools.cached_property
    def queue(self) -> StorageDealQueue:
        """The deal queue, written as the Functions host reads it, and the poison queue that the host makes."""
        from shared.queue.storage_queue import StorageDealQueue

        name = self.settings.queue
        return StorageDealQueue(self.queue_client(name), self.queue_client(f"{name}-poison"))

    def queue_client(self, name: str) -> QueueClient:
        """Return the client of a queue in the app's storage."""
        from shared.storage import queue_client

        return queue_client(self.settings, name, lambda: self._storage_identity)

    @functools.cached_property
    def _storage_identity(self) -> TokenCredential:
        return self.azure_identity(self.settings.storage_client_id).credential()

    def azure_identity(self, client_id: str | None = None) -> Identity:
        """Return as whom Azure is asked: the app's managed identity, the one with `client_id` where that is given."""
        from shared.identity import ManagedIdentity

        return ManagedIdentity(client_id or self.settings.identity_client_id)

    # --- Partner Center --------------------------------------------------------------------------------------------

    @functools.cached_property
    def partner_center_connection(self) -> PartnerCenterConnection:
        """Partner Center under the app's sign-in: one for the whole process."""
        return PartnerCenterConnection(
            self.settings, self.transport, self.clock, self.azure_identity(), lambda: self.ledger.drawers
        )

    @property
    def partner_center(self) -> PartnerCenter:
        """The referrals client."""
        return self.partner_center_connection.referrals

    @property
    def webhooks(self) -> Webhooks:
        """The webhooks client."""
        return self.partner_center_connection.webhooks

    @functools.cached_property
    def signature_check(self) -> SignatureCheck:
        """What authenticates events."""
        return self.partner_center_connection.signature_check()

    @functools.cached_property
    def receiver(self) -> Receiver:
        """What takes events in."""
        from shared.webhook.events import Intake
        from shared.webhook.receiver import Receiver
        from shared.webhook.security_audit import SecurityAudit

        audit = SecurityAudit(lambda: self.ledger, self.clock)
        return Receiver(self.signature_check, Intake(self.queue, self.clock), audit, self.heartbeat)

    # --- CRMs ------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def tasks(self) -> Tasks:
        """What handling deals takes, by CRM."""
        from shared.sync.worker import LazyTasks

        return LazyTasks(self.settings.crms, self._task_of)

    def _task_of(self, name: str) -> Task:
        """Return the task of a CRM's opportunities, which knows that of its leads where the mapping file has them."""
        from shared.mapping.loading import load_mapping

        field_map = load_mapping(name, self.settings.mapping_dir)
        bindings: dict[str, Task] = {}
        for each in filter(None, (field_map, field_map.lead)):
            bindings[each.table] = self._binding(name, each, bindings)
        return bindings[field_map.table]

    def _binding(self, name: str, field_map: FieldMap, bindings: Mapping[str, Task]) -> Task:
        from shared.crm.unready import leads_alone
        from shared.ledger.turns import LedgerTurns
        from shared.sync.task import Task

        crm = self.connection(name).records(field_map, LedgerTurns(self.ledger.drawers, self.clock))
        if field_map.is_lead:
            crm = leads_alone(crm)
        return Task(
            crm,
            self.partner_center,
            self.partner_center_connection.organization,
            self.ledger.of(name),
            self.ledger.drawers,
            self.queue,
            field_map,
            self.clock,
            self.random,
            self._choices(crm),
            tuple(other for other in self.settings.crms if other != name),
            bindings=bindings,
        )

    def _choices(self, crm: Records) -> Choices:
        from shared.deadline import Reminders
        from shared.decide.deal import Policy
        from shared.messages import Messages
        from shared.sync.task import Choices

        settings = self.settings
        return Choices(
            settings.crm_audit,
            settings.dry_run,
            Policy(timedelta(minutes=settings.close_delay_minutes), crm.closed_rows_are_read_only),
            Messages(settings.message_language),
            settings.mass_change_deals,
            settings.mass_change_percent,
            settings.audit_retention_days,
            Reminders(settings.deadline_days, timedelta(days=settings.registration_days)),
        )

    def connection(self, name: str) -> Connection:
        """Return the CRM of this name under the app's identity: one for the whole process."""
        if name not in self._connections:
            self._connections[name] = CONNECTORS[name](self.settings, self.transport, self.clock, self.azure_identity())
        return self._connections[name]

    # --- use cases -------------------------------------------------------------------------------------------------

    @functools.cached_property
    def channel(self) -> Channel:
        """What reaches people in a chat."""
        return Channel(self.settings, self.transport, self.clock, lambda: self.ledger.drawers)

    @property
    def alerts(self) -> Alerts:
        """Alerts to the configured chat, and to the log."""
        return self.channel.alerts

    @functools.cached_property
    def pace(self) -> Pace:
        """What keeps each CRM's interval between two polls."""
        from shared.pace import Pace

        return Pace(self.clock, self._poll_every)

    @property
    def _poll_every(self) -> dict[str, timedelta]:
        dynamics, salesforce = self.settings.dynamics_poll_seconds, self.settings.salesforce_poll_seconds
        return {"dynamics365": timedelta(seconds=dynamics), "salesforce": timedelta(seconds=salesforce)}

    @functools.cached_property
    def freshness(self) -> Freshness:
        """What notes how long changes take."""
        from shared.freshness import Freshness

        return Freshness(lambda: self.ledger.drawers, self.clock)

    @functools.cached_property
    def heartbeat(self) -> Heartbeat:
        """What notes that events come."""
        from shared.webhook.heartbeat import Heartbeat

        hours = self.settings.webhook_heartbeat_hours
        return Heartbeat(lambda: self.ledger.drawers, self.clock, timedelta(hours=hours))

    def keep_up_others(self) -> None:
        """Keep the security audit as long as that of the deals, and drop what an earlier dry run learned.

        Raises the retriable and fatal families.
        """
        from shared.feeds.upkeep import forget_shadows, keep
        from shared.webhook.security_audit import SECURITY

        days, now = self.settings.audit_retention_days, self.clock.now()
        keep(self.ledger.of(SECURITY).survey, self.ledger.drawers, SECURITY, now, days)
        for crm in () if self.settings.dry_run else self.settings.crms:
            forget_shadows(self.ledger.drawers, crm)

    @functools.cached_property
    def rounds(self) -> Rounds:
        """What notes what the Reconciler saw, for the status page."""
        from shared.webhook.rounds import Rounds

        return Rounds(self.ledger.drawers, self.clock, self._seldom, self.keep_up_others)

    def _seldom(self) -> Iterator[Finding]:
        """Yield how the sign-in and the trust stand. Raises the retriable and fatal families."""
        from shared.partner_center.findings import sign_in, trust

        connection, now = self.partner_center_connection, self.clock.now()
        yield sign_in(connection.token_store.load(), now)
        yield from trust(connection.trust.bundle, now, fetched=bool(self.settings.webhook_issuer_hosts))

    @functools.cached_property
    def watchdog(self) -> Watchdog:
        """What looks after the webhook; a dry run registers nothing."""
        from shared.messages import Messages

        settings = self.settings
        return Watchdog(
            self.webhooks,
            self.ledger.drawers,
            self.alerts,
            self.clock,
            settings.webhook_public_url,
            OnLoss.ALERT if settings.dry_run else settings.webhook_registration,
            timedelta(hours=settings.webhook_heartbeat_hours) or None,
            Messages(settings.message_language),
        )

    @functools.cached_property
    def registration_answers(self) -> RegistrationAnswers:
        """What answers a person who registers the webhook."""
        from shared.webhook.registration_answers import RegistrationAnswers

        return RegistrationAnswers(self.webhooks, self.ledger.drawers, self.clock, self.settings.webhook_public_url)

    @functools.cached_property
    def desk(self) -> Desk:
        """What a person looks at, and acts from."""
        from shared.desk.desk import Desk
        from shared.messages import Messages

        words, crms = Messages(self.settings.message_language), self.settings.crms
        return Desk(crms, self.tasks, self.ledger, self.alerts, self.queue, self.clock, words, self._poll_every)

    @functools.cached_property
    def worker(self) -> Worker:
        """The handler of queue messages."""
        from shared.sync.worker import Worker

        return Worker(self.tasks, self.alerts, self.queue, self.freshness, self.channel.newsroom)

    @functools.cached_property
    def gate(self) -> Gate:
        """What lets queue messages through to the handler, so many at once."""
        from shared.ledger.slots import Slots
        from shared.sync.gate import Gate

        slots = Slots(self.ledger.drawers, self.clock, self.settings.slots, self.random)
        return Gate(self.worker.run, slots, self.queue, self.random)


@functools.lru_cache(maxsize=1)
def app() -> App:
    """Return this process's app. Raises SettingsError; a failed start is tried again at the next invocation."""
    telemetry.install()
    return App(load_settings())

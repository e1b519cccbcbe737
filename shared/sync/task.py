"""The collaborators of every use case, and the few choices that apply to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.crm.port import Crm
from shared.ledger.port import Ledger
from shared.partner_center.port import PartnerCenter
from shared.queue.port import DealQueue

if TYPE_CHECKING:
    # The settings name CrmAudit, and the receiver, which knows no mapping, must not pay for one at its cold start.
    from shared.mapping.field_map import Mapping


class CrmAudit(StrEnum):
    """When the record's Audit and status columns are written (setting CRM_AUDIT)."""

    EVERY_CHANGE = "every_change"
    CREATES_AND_FAILURES = "creates_and_failures"
    OFF = "off"


@dataclass(frozen=True)
class Ports:
    """What a use case may touch, for one CRM."""

    crm: Crm
    partner_center: PartnerCenter
    ledger: Ledger
    queue: DealQueue
    mapping: Mapping
    clock: Clock
    random: Random
    crm_audit: CrmAudit = CrmAudit.EVERY_CHANGE
    dry_run: bool = False
    others: tuple[str, ...] = ()
    """Names of the other CRMs that the app is configured with."""

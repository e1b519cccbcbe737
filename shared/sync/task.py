"""The collaborators of every use case, and the few choices that apply to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from shared.choices import CrmAudit
from shared.clock import Clock
from shared.crm.port import Crm
from shared.ledger.port import Ledger
from shared.mapping.field_map import FieldMap
from shared.partner_center.port import PartnerCenter
from shared.queue.port import DealQueue


@dataclass(frozen=True)
class Ports:
    """What a use case may touch, for one CRM."""

    crm: Crm
    partner_center: PartnerCenter
    ledger: Ledger
    queue: DealQueue
    field_map: FieldMap
    clock: Clock
    random: Random
    crm_audit: CrmAudit = CrmAudit.EVERY_CHANGE
    dry_run: bool = False
    others: tuple[str, ...] = ()
    """Names of the other CRMs that the app is configured with."""

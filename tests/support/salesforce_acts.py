"""What the tests of Salesforce do again and again."""

from __future__ import annotations

import json
import uuid

from shared.crm.around import AccountWanted, Around
from shared.crm.port import Record
from shared.lifecycle import Stage
from tests.support.stages.salesforce import SALESFORCE, SalesforceStage

ACTIVE = SALESFORCE.states[Stage.ACTIVE]
NEW = {"Name": "From Partner Center", "CloseDate": "2027-03-31", "CurrencyIsoCode": "EUR", **ACTIVE}
NORTHWIND = AccountWanted({"Name": "Northwind Traders"}, {"Name": "Northwind Traders"})
TOKENS, COMPOSITE = r"/oauth2/token", r"/composite$"


def deal(stage: SalesforceStage) -> Record:
    return stage.port.read(stage.add_deal())


def create(stage: SalesforceStage, referral_id: str | None = None, **columns: object) -> Record:
    referral_id, around = referral_id or str(uuid.uuid4()), Around(NORTHWIND)
    return stage.port.create(referral_id, {**NEW, **columns}, around, stage.port.look_around(referral_id, around))


def composites(stage: SalesforceStage) -> list[list[dict[str, object]]]:
    """Return the parts of every composite request, in order."""
    return [json.loads(entry.body)["compositeRequest"] for entry in stage.server.log.matching("POST", COMPOSITE)]

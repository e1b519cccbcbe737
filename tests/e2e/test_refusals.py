"""What the CRM refuses, on the real app: a person is told once, nothing goes round, and it heals."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from azure.data.tables import TableClient

from shared.alerts import Alerts
from shared.ledger.table_ledger import TABLE as TABLES
from shared.ledger.table_ledger import TableLedger
from tests.e2e.deals import opportunity_of, polled, rule, shared_deal, until, until_record
from tools.local.stack import Stack

TABLE = {"dynamics365": "opportunity", "salesforce": "Opportunity"}
NUMBER = {"dynamics365": "stepname", "salesforce": "Deal_Number__c"}
"""A column of the customer's that is unique."""

NUMBERED = """
overlay: true
version: numbered
new_record:
  {column}: D-1
"""


def test_a_record_that_refuses_every_write_is_told_of_once_and_heals(stack: Stack) -> None:
    referral_id, record_id = shared_deal(stack)
    version = stack.crm.deal(record_id).version
    with rule(stack, "refuse_writes", table=TABLE[stack.crm.name], message="Locked for approval."):
        stack.partner_center.portal.edit(referral_id, {"/details/notes": "Signed today."})
        _told(stack, referral_id, "raised")
        stack.quiet()
        before = stack.calls()
        stack.run("Reconciler")
        polled(stack)
        assert (stack.calls() - before).crm == 0, "what was refused is not tried again and again"
        assert stack.crm.deal(record_id).version == version
        assert _count(stack, referral_id, "raised") == 1
    stack.partner_center.portal.edit(referral_id, {"/details/dealValue": 43000})
    deal = until_record(stack, record_id, lambda deal: deal.deal_value == Decimal(43000))
    assert (deal.notes, deal.sync_status[0]) == ("Signed today.", "✔")
    _told(stack, referral_id, "resolved")


def test_a_unique_column_that_is_not_ours_is_named_and_makes_no_double(crm: str, storage: str, tmp_path: Path) -> None:
    column = NUMBER[crm]
    (tmp_path / f"{crm}.yaml").write_text(NUMBERED.format(column=column), encoding="utf-8")
    with Stack(crms=(crm,), storage=storage, settings={"MAPPING_DIR": str(tmp_path)}) as stack:
        stack.register()
        with rule(stack, "unique", table=TABLE[crm], column=column):
            seller = stack.crm.simulator.seller  # type: ignore[attr-defined]
            other = stack.crm.opportunity(sync=False)
            seller.edit(other, **{column: "D-1"})
            referral_id = str(stack.partner_center.portal.create_referral()["id"])
            _told(stack, referral_id, "raised")
            assert stack.crm.find(referral_id) == []
            assert column in _alert(stack, referral_id)
            seller.edit(other, **{column: "D-0"})
            stack.partner_center.portal.edit(referral_id, {"/details/notes": "Once more."})
            deal = until(stack, lambda: opportunity_of(stack, referral_id))
            assert deal.notes == "Once more."


def _count(stack: Stack, referral_id: str, event: str) -> int:
    return stack.host.log_text().count(f"alert {stack.crm.name} deal {referral_id} {event}")


def _told(stack: Stack, referral_id: str, event: str) -> None:
    stack.eventually(lambda: _count(stack, referral_id, event), f"the alert {event}")


def _alert(stack: Stack, referral_id: str) -> str:
    """Return the text of the deal's alert, which is personal and therefore in no log."""
    connection = stack.settings()["AzureWebJobsStorage"]
    with TableClient.from_connection_string(connection, TABLES) as table:
        return Alerts(TableLedger(table).drawers, None).raised()[f"{stack.crm.name} deal {referral_id}"]

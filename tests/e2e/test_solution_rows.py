"""The running app reads a deal's solutions from Microsoft Solutions, and so does moving in."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.e2e.administrator import command
from tests.e2e.deals import identified, own_referrals, until, until_record, until_referral
from tests.support.solution_rows import InDataverse, InSalesforce, Table, mapping
from tools.local.stack import Stack
from tools.simulators.sellers.dynamics365 import Dynamics365Seller
from tools.simulators.sellers.salesforce import SalesforceSeller

FIRST, SECOND = "SOL-20311-QXT", "SOL-40771-ABC"


def table_of(stack: Stack) -> Table:
    seller = stack.crm
    if isinstance(seller, SalesforceSeller):
        return InSalesforce(seller.simulator)
    assert isinstance(seller, Dynamics365Seller)
    return InDataverse(seller.simulator)


def sold(row: object) -> list[str]:
    assert isinstance(row, dict)
    return sorted(each["id"] for each in row["details"]["requirements"]["solutions"])


def test_rows_of_a_deal_travel_and_moving_in_reads_them(crm: str, storage: str, tmp_path: Path) -> None:
    mapping(crm, tmp_path)
    with Stack(crms=(crm,), storage=storage, settings={"MAPPING_DIR": str(tmp_path)}) as stack:
        table = table_of(stack)
        record_id = stack.crm.opportunity(solutions=())
        table.add(record_id, FIRST, "Insight Hub")
        command(stack, "lint", "--live")
        file = tmp_path / "adopt.csv"
        command(stack, "adopt", "--csv", str(file), code=1)  # Something is left to decide.
        (forecast,) = [
            row for row in csv.DictReader(file.read_text("utf-8-sig").splitlines()) if record_id in row.values()
        ]
        assert "create referral" in forecast.values(), "without the rows it would lack a solution"

        assert stack.register().status_code == 200
        stack.run("CrmPoller")
        deal = until(stack, lambda: identified(stack.crm.deal(record_id)))
        stack.quiet()
        (own,) = own_referrals(stack, record_id)
        assert sold(own) == [FIRST]

        table.add(record_id, SECOND, "Stock View")
        stack.run("CrmPoller")
        until_referral(stack, deal.referral_identifier, lambda row: sold(row) == [FIRST, SECOND])
        until_record(stack, record_id, lambda deal: f"{SECOND} (Stock View)" in deal.audit)
        stack.quiet()
        assert stack.crm.deal(record_id).solutions == (), "the text column is left alone"

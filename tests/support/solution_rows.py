"""Microsoft Solutions in both simulated CRMs, and the mapping that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping
from tools.simulators.dataverse import DataverseSimulator
from tools.simulators.dataverse import solutions as in_dataverse
from tools.simulators.salesforce import SalesforceSimulator
from tools.simulators.salesforce import solutions as in_salesforce

OVERLAYS = {
    "dynamics365": """
overlay: true
version: microsoft-solutions
fields:
  - field: solutions
    to_crm: []
    rows:
      table: msps_microsoftsolution
      record: msps_opportunityid
      id: msps_SolutionDetailId.msps_solutionidentifier
      name: msps_SolutionDetailId.msps_solutionname
""",
    "salesforce": """
overlay: true
version: sf-microsoft-solutions
fields:
  - field: solutions
    to_crm: []
    rows:
      table: Microsoft_Solution__c
      record: Opportunity__c
      id: Solution_Detail__r.Solution_Identifier__c
      name: Solution_Detail__r.Solution_Name__c
""",
}


def mapping(crm: str, directory: Path) -> FieldMap:
    """Write the overlay to a MAPPING_DIR, and load it."""
    (directory / f"{crm}.yaml").write_text(OVERLAYS[crm], encoding="utf-8")
    return load_mapping(crm, directory)


class Table(Protocol):
    """A simulated CRM's table of solutions."""

    def add(self, record_id: str, solution: str, name: str) -> str:
        """Add a row to a deal; returns its id."""
        ...

    def remove(self, row_id: str) -> None:
        """Take a row away."""
        ...


class InDataverse:
    """A Table."""

    def __init__(self, simulator: DataverseSimulator) -> None:
        self._environment = simulator.environment
        in_dataverse.add_tables(self._environment)

    def add(self, record_id: str, solution: str, name: str) -> str:
        return in_dataverse.add_row(self._environment, record_id, solution, name)

    def remove(self, row_id: str) -> None:
        in_dataverse.remove_row(self._environment, row_id)


class InSalesforce:
    """A Table."""

    def __init__(self, simulator: SalesforceSimulator) -> None:
        self._org = simulator.org
        self._seller = simulator.seller
        in_salesforce.add_objects(self._org, simulator.people.integration)

    def add(self, record_id: str, solution: str, name: str) -> str:
        return in_salesforce.add_row(self._org, record_id, solution, name)

    def remove(self, row_id: str) -> None:
        self._seller.delete(row_id)

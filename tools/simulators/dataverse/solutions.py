"""Microsoft's connector's own tables of solutions. What they are called is not published: the names are ours."""

from __future__ import annotations

from tools.simulators.dataverse.environment import Environment
from tools.simulators.dataverse.rows import Reference
from tools.simulators.dataverse.schema import custom_table, lookup, text

SOLUTION = "msps_microsoftsolution"
DETAIL = "msps_microsoftsolutiondetail"


def add_tables(environment: Environment) -> None:
    """Install both tables: the catalogue, and the deal's rows that look it up."""
    details = [text("msps_solutionidentifier", 100), text("msps_solutionname", 200)]
    rows = [
        text("msps_name", 100),
        lookup("msps_opportunityid", "opportunity", "msps_OpportunityId"),
        lookup("msps_solutiondetailid", DETAIL, "msps_SolutionDetailId"),
    ]
    environment.tables[DETAIL] = custom_table(DETAIL, details)
    environment.tables[SOLUTION] = custom_table(SOLUTION, rows)


def add_row(environment: Environment, record_id: str, solution: str, name: str) -> str:
    """Let a seller add a solution to a deal; returns the row's id."""
    detail = environment.seed(DETAIL, {"msps_solutionidentifier": solution, "msps_solutionname": name})
    looked_up = {
        "msps_opportunityid": Reference("opportunity", record_id),
        "msps_solutiondetailid": Reference(DETAIL, detail),
    }
    return environment.seed(SOLUTION, {"msps_name": "2021-12-02-01150", **looked_up})


def remove_row(environment: Environment, row_id: str) -> None:
    """Let a seller take it off again."""
    environment.store.forget(environment.table(SOLUTION), environment.row(SOLUTION, row_id))

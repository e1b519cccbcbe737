"""The leads of the fake Dynamics 365: sellers qualify, disqualify and merge them."""

from __future__ import annotations

from random import Random

from shared.clock import Clock
from shared.lifecycle import Stage
from tests.support.fakes.crm import FakeCrm
from tests.support.fakes.crm_rules import LEAD, SYNC, CrmRow
from tests.support.fakes.tape import Tape


class FakeLeads(FakeCrm):
    """Implements Records for leads. A qualified or disqualified lead refuses every write but its reopening."""

    port = "leads"
    rules = LEAD

    def __init__(self, tape: Tape, clock: Clock, chance: Random, page: int = 1000) -> None:
        super().__init__(tape, clock, chance, page)
        self.qualified: dict[str, str] = {}
        """The opportunity by lead, where one was made."""

    def qualified_to(self, record_id: str) -> str | None:
        """Return the lead's opportunity."""
        return self._tape.run(self.port, "qualified_to", lambda: self.qualified.get(record_id))

    # --- people ----------------------------------------------------------------------------------------------------

    def add_lead(self, **columns: object) -> str:
        """A seller enters a lead, and switches the sync on; returns its id."""
        ready: CrmRow = {"subject": "Trade fair", "companyname": "Northwind", "lastname": "Ruiz", SYNC: True}
        return self._insert(ready | {"ownerid": self.seller} | columns, by_app=False)

    def qualify(self, lead_id: str, opportunities: FakeCrm | None, **columns: object) -> str:
        """A seller qualifies a lead, as QualifyLead does; returns the id of its opportunity, where one is made."""
        held = self.row(lead_id)
        self.close(lead_id, Stage.WON)
        if opportunities is None:
            return ""
        copied = {"name": held["subject"], "estimatedvalue": held["budgetamount"], "description": held["description"]}
        account = opportunities.add_account(name=held["companyname"])
        made = {**copied, "transactioncurrencyid": held["transactioncurrencyid"], "customerid": account}
        made |= {"parentaccountid": account, "ownerid": opportunities.seller}
        opportunity = opportunities.enter(**{**made, **columns})
        self.qualified[lead_id] = opportunity
        return opportunity

    def disqualify(self, lead_id: str) -> None:
        """A seller disqualifies a lead."""
        self.close(lead_id, Stage.LOST)

    def merge(self, loser_id: str, winner_id: str, *, keep: tuple[str, ...] = ()) -> None:
        """A seller merges two leads: the loser stays, disqualified, and its columns `keep` go to the winner."""
        lost = {name: self.row(loser_id)[name] for name in keep}
        self.merged[loser_id] = winner_id
        self.close(loser_id, Stage.LOST)
        freed = {"cosell_referralidentifier": None} if "cosell_referralidentifier" in keep else {}
        self._store(loser_id, self._held(loser_id).columns | freed, by_app=False)
        self._store(winner_id, self._held(winner_id).columns | lost, by_app=False)

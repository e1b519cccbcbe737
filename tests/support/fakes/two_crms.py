"""The sync engine between Partner Center and two CRMs at once."""

from __future__ import annotations

from dataclasses import replace

from shared.link import Link
from shared.mapping.field_map import FieldMap
from tests.support.fakes.crm import FakeCrm
from tests.support.fakes.world import World


class OtherCrm(FakeCrm):
    """A second CRM: another name, ids of another shape, and the columns of the first, which the sync never compares."""

    name = "salesforce"
    port = "other_crm"

    def owns(self, record_id: str) -> bool:
        """Whether the text is shaped like an opportunity's id in Salesforce."""
        return len(record_id) == 15 and record_id.startswith("006")

    def _new_id(self) -> str:
        return f"006{self._chance.getrandbits(48):012x}"


class TwoCrms(World):
    """A world in which the app is configured with `crm` and, after it, `other`."""

    def __init__(self, seed: int = 0, *, dull: bool = False) -> None:
        super().__init__(seed, dull=dull)
        self.other = OtherCrm(self.tape, self.clock, self.chance)
        self.configure_other()

    def configure_other(self, field_map: FieldMap | None = None) -> None:
        """Restart the app, with another mapping for the second CRM."""
        self.task = replace(self.task, other_crms=(self.other.name,))
        ledger = self.taped.of(self.other.name)
        other = replace(self.task, records=self.other, ledger=ledger, other_crms=(self.crm.name,), bindings={})
        self.others = {self.other.name: replace(other, field_map=field_map or self.task.field_map)}
        self._restart()

    def crm_of(self, link: Link) -> FakeCrm:
        """Return the CRM that holds the link's record."""
        return self.other if link.crm == self.other.name else self.crm

"""Dynamics 365 to its administrator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime

from shared.bootstrap import App
from shared.crm.dynamics365.api import DataverseApi
from shared.crm.dynamics365.connect import Dynamics365Connection
from shared.crm.port import Records
from shared.ledger.memory import MemoryLedger
from shared.ledger.turns import LedgerTurns
from shared.mapping.field_map import FieldMap
from tools.admin.doctor.report import Line, Owner, clock, good, guarded, look
from tools.admin.dynamics365.definitions import organization
from tools.admin.dynamics365.provisioning import Provisioner
from tools.admin.options import Options

RETENTION = 7
"""Days that Dataverse keeps its change feed by default (use-change-tracking...)."""


class Dynamics365Admin:
    """A CrmAdmin."""

    title = "Dynamics 365"
    feed_right = (
        "the app user's role needs Read of the whole organization on opportunities, and on leads if they are mapped"
    )
    provisioning_right = "the security role System Customizer in Dynamics 365"
    provisioned = "Every column is there, and the alternate key is active."
    provisioning_voids_cursor = True  # a change of the table's definition voids its tokens (use-change-tracking...)

    def url(self, app: App) -> str:
        """The environment's."""
        return str(app.settings.dynamics_url)

    def check_connection(self, app: App) -> Iterator[Line]:
        """Ask who the app is, and how long the change feed is kept."""
        api = connection(app).api
        answer = api.send("GET", api.address("WhoAmI"))
        who = answer.json()
        yield good(self.title, f"signed in as user {who.get('UserId') if isinstance(who, dict) else '?'}")
        date = answer.headers.get("date")
        if date:
            yield clock(self.title, parsedate_to_datetime(date), app.clock)
        yield from guarded("Dynamics 365: retention", Owner.CRM, lambda: _retention(api))

    def check_prerequisites(self, app: App, field_map: FieldMap) -> Iterator[Line]:  # noqa: ARG002 - as the protocol has it
        """Nothing more: what the mapping file needs is in its tables."""
        yield from ()

    def client(self, app: App, field_map: FieldMap) -> Records:
        """The Web API's. It creates nothing here, so its turns need no storage."""
        return connection(app).records(field_map, LedgerTurns(MemoryLedger().drawers, app.clock))

    def provisioner(self, app: App, field_map: FieldMap, tell: Callable[[str], None], options: Options) -> Provisioner:
        """Through the metadata API."""
        return Provisioner(connection(app).api, field_map.file, app.clock, tell, options.solution)


def connection(app: App) -> Dynamics365Connection:
    """Return the app's own connection."""
    found = app.connection("dynamics365")
    assert isinstance(found, Dynamics365Connection)  # noqa: S101 - as CONNECTORS has it
    return found


_KEEP_LONGER = f"set the organization's expirechangetrackingindays to {RETENTION} or more"


def _retention(api: DataverseApi) -> Iterator[Line]:
    days = organization(api, "expirechangetrackingindays")
    if days is None:
        return
    text = f"the change feed is kept for {days} days; after a longer pause everything is read once"
    yield (
        good("Dynamics 365: retention", text)
        if days >= RETENTION
        else look("Dynamics 365: retention", text, Owner.CRM, _KEEP_LONGER)
    )

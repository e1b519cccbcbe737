"""What the administrator's commands know of each CRM. Another CRM is one more entry in ADMINS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from shared.bootstrap import App
from shared.crm.port import Records
from shared.errors import SettingsError
from shared.mapping.field_map import FieldMap
from tools.admin.doctor.report import Line
from tools.admin.dynamics365.admin import Dynamics365Admin
from tools.admin.options import Options
from tools.admin.provision.plan import Item
from tools.admin.salesforce.admin import SalesforceAdmin


class Provisioner(Protocol):
    """Extends the record's table by what the mapping file needs, and removes nothing. Repeating it is harmless."""

    def plan(self) -> Sequence[Item]:
        """Return what is to be done now, a line for each column, key and permission."""
        ...

    def apply(self, items: Sequence[Item]) -> None:
        """Carry out a plan that refuses nothing; returns when everything is there and can be used."""
        ...


class CrmAdmin(Protocol):
    """One kind of CRM to its administrator. Methods raise the families of shared.errors."""

    title: str
    """The CRM's name as a person says it."""
    feed_right: str
    """What the app lacks when it is refused the change feed."""
    provisioning_right: str
    """What a person lacks who may not create columns."""
    provisioned: str
    """What holds once columns are created, and what is left to do."""
    provisioning_voids_cursor: bool
    """Whether a new column makes the change feed forget the app's cursor."""

    def url(self, app: App) -> str:
        """Return the address of the CRM."""
        ...

    def check_connection(self, app: App) -> Iterator[Line]:
        """Sign in, and yield who the app is there, how far the clocks are apart, and what else is this vendor's own.

        Raises what keeps the app from signing in: then nothing else of this CRM is checked.
        """
        ...

    def check_prerequisites(self, app: App, field_map: FieldMap) -> Iterator[Line]:
        """Yield what else a mapping file rests on, besides its columns."""
        ...

    def client(self, app: App, field_map: FieldMap) -> Records:
        """Return the app's client, without touching the storage."""
        ...

    def provisioner(self, app: App, field_map: FieldMap, tell: Callable[[str], None], options: Options) -> Provisioner:
        """Return what creates the columns of a field map's table. `tell` gets its progress, a line at a time."""
        ...


ADMINS: Mapping[str, CrmAdmin] = {
    "dynamics365": Dynamics365Admin(),
    "salesforce": SalesforceAdmin(),
}


def admin_of(crm: str) -> CrmAdmin:
    """Return what is known of a CRM. Raises SettingsError for one that this version does not support."""
    if crm not in ADMINS:
        raise SettingsError(f"CRM: {crm} is not supported by this version; use {' or '.join(ADMINS)}.")
    return ADMINS[crm]

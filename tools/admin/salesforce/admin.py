"""Salesforce to its administrator."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shared.bootstrap import App
from shared.crm.port import Records
from shared.crm.salesforce.api import rows_of
from shared.crm.salesforce.connect import SalesforceConnection
from shared.errors import SettingsError
from shared.http import http_date
from shared.ledger.memory import MemoryLedger
from shared.ledger.turns import LedgerTurns
from shared.mapping.field_map import FieldMap
from tools.admin.doctor.report import Line, clock, good
from tools.admin.options import Options
from tools.admin.salesforce import checks
from tools.admin.salesforce.org import SalesforceOrg
from tools.admin.salesforce.provisioning import Provisioner

_ORGANIZATION = "SELECT Id, Name, OrganizationType, IsSandbox FROM Organization"


class SalesforceAdmin:
    """A CrmAdmin."""

    title = "Salesforce"
    feed_right = "the app's user needs Read and View All on opportunities, and on leads where they are synchronized"
    provisioning_right = (
        "a user of Salesforce who may Customize Application, Manage Profiles and Permission Sets and Assign Permission "
        "Sets: sign in as a system administrator, and name the app's own user with --user"
    )
    provisioning_voids_cursor = False
    provisioned = (
        "Every field is there, and the app's user may use it. Now put the fields on the page layouts of the "
        "opportunity, and on the lead's where leads are synchronized, "
        "and assign the permission set Cosell_Seller to everybody who works with deals."
    )

    def url(self, app: App) -> str:
        """The My Domain."""
        return str(app.settings.salesforce_url)

    def check_connection(self, app: App) -> Iterator[Line]:
        """Ask which versions there are, who the app is and in which org, and how much of the allowance is used."""
        org, wanted = SalesforceOrg(connection(app)), app.settings.salesforce_api_version
        offered = org.versions()
        if wanted not in offered:
            span = f"the org offers {offered[0]} to {offered[-1]}" if offered else "the org tells none"
            raise SettingsError(f"SALESFORCE_API_VERSION: {wanted} is not offered; {span}.")
        answer = org.answer(_ORGANIZATION)
        where = ", ".join(map(checks.whereabouts, rows_of(answer.json())))
        yield good(self.title, f"signed in as {org.user('')['Username']} in {where}")
        yield checks.my_domain(org)
        yield checks.session(app)
        yield good("Salesforce: API version", f"{wanted}; the org offers {offered[0]} to {offered[-1]}")
        server_date = http_date(answer.headers.get("date", ""))
        if server_date:
            yield clock(self.title, server_date, app.clock)
        yield from checks.allowance(app, answer)

    def check_prerequisites(self, app: App, field_map: FieldMap) -> Iterator[Line]:
        """Look at rights on objects, the currency, duplicate rules and the log of deletions."""
        yield from checks.check_prerequisites(app, connection(app), field_map)

    def client(self, app: App, field_map: FieldMap) -> Records:
        """The REST API's. It creates nothing here, so its turns need no storage."""
        return connection(app).records(field_map, LedgerTurns(MemoryLedger().drawers, app.clock))

    def provisioner(self, app: App, field_map: FieldMap, tell: Callable[[str], None], options: Options) -> Provisioner:
        """Through the Tooling API and permission sets."""
        org = connection(app)
        return Provisioner(SalesforceOrg(org), org.api(field_map), field_map, app.clock, tell, options.user)


def connection(app: App) -> SalesforceConnection:
    """Return the app's own connection."""
    found = app.connection("salesforce")
    assert isinstance(found, SalesforceConnection)  # noqa: S101 - as CONNECTORS has it
    return found

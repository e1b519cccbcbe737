"""What doctor checks in Salesforce beyond the mapping file itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from simple_salesforce.format import format_soql

from shared.bootstrap import App
from shared.crm.salesforce.allowance import usage
from shared.crm.salesforce.api import JsonObject, SalesforceApi, path
from shared.crm.salesforce.connect import SalesforceConnection
from shared.crm.salesforce.currency import COLUMN as CURRENCY
from shared.crm.salesforce.currency import OrgCurrency
from shared.errors import AccessDenied, GoneError, SchemaMismatch
from shared.http import Response
from shared.mapping.field_map import FieldMap
from tools.admin.doctor.report import Line, Owner, bad, good, guarded, look, note
from tools.admin.salesforce.access import VIEW_ALL, objects_of
from tools.admin.salesforce.org import SalesforceOrg

_DESCRIBED_AS = {"Create": "createable", "Edit": "updateable"}
_GRANTED = "`cosell.py provision --apply` grants it"


# --- the sign-in -----------------------------------------------------------------------------------------------------


_FEWER_CALLS = "let other integrations make fewer calls, or buy more API calls for the org"


def whereabouts(organization: JsonObject) -> str:
    """Return an organization as a person tells it from others."""
    kind = "sandbox" if organization.get("IsSandbox") is True else "production"
    return f"{organization.get('Name')} ({organization.get('OrganizationType')}, {kind})"


def my_domain(org: SalesforceOrg) -> Line:
    """Return whether the setting names the host that the org calls its own."""
    wanted, named = org.my_domain()
    if named.casefold() == wanted.casefold():
        return good("Salesforce: My Domain", wanted)
    what = f"the org calls itself https://{named}, SALESFORCE_URL has another host"
    return look("Salesforce: My Domain", what, Owner.AZURE, f"set SALESFORCE_URL to https://{named}")


def session(app: App) -> Line:
    """Return how the app signs in, and how long that lasts: no answer of Salesforce tells the latter."""
    settings = app.settings
    how = "client credentials" if settings.salesforce_client_secret else "a signed assertion"
    return good("Salesforce: session", f"signed in with {how}; tokens renew automatically")


def allowance(app: App, answer: Response) -> Iterator[Line]:
    """Yield how much of the org's daily API calls is used, by everybody together."""
    used, total = usage(answer)
    if not total:
        return
    settings, share = app.settings, 100 * used / total
    slow, stop = settings.salesforce_api_slow_at, settings.salesforce_api_stop_at
    text = f"{used} of {total} in 24 hours ({share:.0f} %); the app slows down at {slow:.0f} %, stops at {stop:.0f} %"
    if share >= stop:
        yield bad("Salesforce: API calls", f"{text}: it stands still until others use fewer", Owner.CRM, _FEWER_CALLS)
    elif share >= slow:
        yield look("Salesforce: API calls", text, Owner.CRM, _FEWER_CALLS)
    else:
        yield good("Salesforce: API calls", text)


# --- what the mapping file rests on ----------------------------------------------------------------------------------


def check_prerequisites(app: App, connection: SalesforceConnection, field_map: FieldMap) -> Iterator[Line]:
    """Yield what stands in the way of this mapping file besides its fields."""
    org, api = SalesforceOrg(connection), connection.api(field_map)
    checks = {
        "Salesforce: rights": lambda: _rights(api, field_map),
        "Salesforce: sharing": lambda: _sharing(org, field_map),
        "Salesforce: editing": lambda: _editing(org, field_map),
        "Salesforce: currency": lambda: _currency(app, api, field_map),
        "Salesforce: duplicate rules": lambda: _duplicate_rules(org),
        "Salesforce: deletions": lambda: _deletions(api, field_map),
    }
    for subject, check in checks.items():
        yield from guarded(subject, Owner.CRM, check)


def _rights(api: SalesforceApi, field_map: FieldMap) -> Iterator[Line]:
    held = []
    objects = objects_of(field_map)
    for table, wanted in objects.items():
        try:
            found = api.get(path("sobjects", table, "describe"))
        except GoneError:
            yield bad("Salesforce: rights", f"the app's user may not read {table}", Owner.CRM, _GRANTED)
            continue
        for right, flag in _DESCRIBED_AS.items():
            if right in wanted and found.get(flag) is not True:
                what = f"the app's user may not {right.lower()} {table}"
                yield bad("Salesforce: rights", what, Owner.CRM, _GRANTED)
                break
        else:
            held.append(f"{' and '.join(each.lower() for each in wanted if each != VIEW_ALL)} {table}")
    if len(held) == len(objects):
        yield good("Salesforce: rights", f"the app's user may {', '.join(held)}")


def _sharing(org: SalesforceOrg, field_map: FieldMap) -> Iterator[Line]:
    """Yield whether the app's user sees every record, and not only those that sharing rules show it."""
    sets = format_soql("SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = {}", org.user("")["Id"])
    soql = f"SELECT SobjectType FROM ObjectPermissions WHERE Permissions{VIEW_ALL} = true AND ParentId IN ({sets})"  # noqa: S608
    try:
        seen = {row["SobjectType"] for row in org.query(soql)}
    except (AccessDenied, SchemaMismatch) as error:
        yield note("Salesforce: sharing", f"whether the app's user sees every record cannot be seen ({error.code})")
        return
    tables = [table for table, rights in objects_of(field_map).items() if VIEW_ALL in rights]
    hidden = [table for table in tables if table not in seen]
    if hidden:
        what = f"no permission set of the app's user has View All on {', '.join(hidden)}: without View All Data it sees"
        yield look("Salesforce: sharing", f"{what} only what sharing rules show it", Owner.CRM, _GRANTED)
    else:
        yield good("Salesforce: sharing", f"the app's user sees every {', '.join(tables)}")


_OPEN = ("Edit", "ReadEditTransfer")
"""The organization-wide defaults by which everybody may edit; leads may be open for transfer, too."""


def _editing(org: SalesforceOrg, field_map: FieldMap) -> Iterator[Line]:
    """Yield whether the app's user may edit what other people own: View All shows it, and no more."""
    wanted = {"opportunities": "DefaultOpportunityAccess", **({"leads": "DefaultLeadAccess"} if field_map.lead else {})}
    (row, *_) = org.query(f"SELECT {', '.join(wanted.values())} FROM Organization") or [{}]  # noqa: S608 - names of ours
    shut = [what for what, default in wanted.items() if row.get(default) not in _OPEN]
    if not shut:
        yield good("Salesforce: editing", f"everybody's {' and '.join(wanted)} are open to editing")
        return
    what = f"other people's {' and '.join(shut)} are not open to editing by default (organization-wide defaults)"
    remedy = "share them with the app's user, by a role above the sellers or a sharing rule"
    yield look("Salesforce: editing", what, Owner.CRM, remedy)


def _currency(app: App, api: SalesforceApi, field_map: FieldMap) -> Iterator[Line]:
    if CURRENCY not in field_map.record_columns:
        return
    only = OrgCurrency(api, field_map.table, app.settings.salesforce_currency).only()
    what = f"the org has one, {only}; deals in another one wait for a person" if only else "each record has its own"
    yield good("Salesforce: currency", what)


def _duplicate_rules(org: SalesforceOrg) -> Iterator[Line]:
    try:
        rows = org.query("SELECT MasterLabel FROM DuplicateRule WHERE SobjectType = 'Account' AND IsActive = true")
    except (AccessDenied, SchemaMismatch):
        return  # Only a hint, and not everybody may see the rules.
    if rows:
        rules = ", ".join(str(row["MasterLabel"]) for row in rows)
        what = f"{rules}: a new customer that looks like an account of another name or postal code waits for a person"
        remedy = "let the rule allow what the app's user creates, or look at such deals by hand"
        yield look("Salesforce: duplicate rules", what, Owner.CRM, remedy)


def _deletions(api: SalesforceApi, field_map: FieldMap) -> Iterator[Line]:
    """Yield whether the log of deletions can be read; the feed asks it now and then only."""
    now = api.query("SELECT Id FROM Organization").server_time()
    for each in filter(None, (field_map, field_map.lead)):
        api.deleted(each.table, now - timedelta(minutes=10), now)
    yield good("Salesforce: deletions", "the log of deletions can be read")

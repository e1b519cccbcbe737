"""The diagnosis of one CRM: signing in, the mapping file against its tables, and its change feed."""

from __future__ import annotations

from collections.abc import Iterator

from shared.bootstrap import App
from shared.crm.port import Records
from shared.errors import AccessDenied, CursorExpired, MappingError
from shared.ledger.drawers import crm_cursor
from shared.mapping.check.findings import Severity
from shared.mapping.check.lint import lint, lint_leads
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping, positions
from tools.admin.crms import CrmAdmin, admin_of
from tools.admin.doctor.report import Line, Mark, Owner, bad, good, guarded, look, note

_MAPPING = "change the mapping file, or the CRM; `python3 cosell.py lint --live` checks it again"
_PROVISION = "`python3 cosell.py provision --dry-run` shows what it would create and grant; or map another column"
_PROVISION_LEADS = f"{_PROVISION}; or switch leads off, by `leads: off` in the mapping file"


def diagnose_crm(app: App, name: str, *, stored: bool) -> Iterator[Line]:
    """Yield a line for each thing. `stored`: whether the storage works, which holds the cursor."""
    admin = admin_of(name)
    yield from admin.check_connection(app)
    about = f"{admin.title}: mapping"
    try:
        field_map = load_mapping(name, app.settings.mapping_dir)
    except MappingError as error:
        for text in str(error).splitlines():
            yield bad(about, text, Owner.CRM, _MAPPING)
        return
    yield from admin.check_prerequisites(app, field_map)
    for each in filter(None, (field_map, field_map.lead)):
        yield from _table(app, admin, field_map, each, stored=stored)


def _table(app: App, admin: CrmAdmin, whole: FieldMap, field_map: FieldMap, *, stored: bool) -> Iterator[Line]:
    """Yield whether one table of the whole mapping fits, and whether its changes can be followed."""
    of_leads = " of leads" if field_map.is_lead else ""
    about, feed = f"{admin.title}: mapping{of_leads}", f"{admin.title}: change feed{of_leads}"
    client = admin.client(app, field_map)
    fits = list(guarded(about, Owner.CRM, lambda: _mapping(app, whole, field_map, client, about)))
    yield from fits
    if any(line.mark is Mark.BAD for line in fits):
        yield note(feed, "not checked until the mapping fits")
    else:
        binding = f"{client.name}-{field_map.table}" if field_map.is_lead else client.name
        cursor = app.ledger.drawers.read(crm_cursor(binding)).value if stored else ""
        yield from guarded(feed, Owner.CRM, lambda: _feed(admin, client, feed, cursor or None))


def _mapping(app: App, whole: FieldMap, field_map: FieldMap, client: Records, about: str) -> Iterator[Line]:
    check, provision = (lint_leads, _PROVISION_LEADS) if field_map.is_lead else (lint, _PROVISION)
    found = check(whole.file, positions(client.name, app.settings.mapping_dir), client.describe())
    wrong = [each for each in found if each.severity is Severity.ERROR]
    for each in found:
        line = bad if each in wrong else look
        yield line(about, str(each), Owner.CRM, provision if each.can_be_provisioned else _MAPPING)
    if not wrong:
        yield good(about, f"version {field_map.version} fits the tables of the CRM")


def _feed(admin: CrmAdmin, client: Records, feed: str, cursor: str | None) -> Iterator[Line]:
    """Read one page of the change feed, which may take more rights than reading a record."""
    try:
        next(client.changes(cursor))
    except CursorExpired:
        yield note(feed, "the cursor expired: the next poll reads every record once, and nothing is lost")
    except AccessDenied as error:
        raise AccessDenied(f"{admin.feed_right}: {error}") from error
    else:
        yield good(feed, "can be followed from the cursor" if cursor else "can be read; no poll yet")

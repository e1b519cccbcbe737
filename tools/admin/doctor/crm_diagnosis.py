"""The diagnosis of one CRM: signing in, the mapping file against its tables, and its change feed."""

from __future__ import annotations

from collections.abc import Iterator

from shared.bootstrap import App
from shared.crm.port import Records
from shared.errors import AccessDenied, CursorExpired, MappingError
from shared.ledger.drawers import crm_cursor
from shared.mapping.check.findings import Severity
from shared.mapping.check.lint import lint
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping, positions
from tools.admin.crms import CrmAdmin, admin_of
from tools.admin.doctor.report import Line, Mark, Owner, bad, good, guarded, look, note

_MAPPING = "change the mapping file, or the CRM; `python3 cosell.py lint --live` checks it again"
_PROVISION = "`python3 cosell.py provision --dry-run` shows what it would create and grant; or map another column"


def diagnose_crm(app: App, name: str, *, stored: bool) -> Iterator[Line]:
    """Yield a line for each thing. `stored`: whether the storage works, which holds the cursor."""
    admin = admin_of(name)
    yield from admin.check_connection(app)
    about, feed = f"{admin.title}: mapping", f"{admin.title}: change feed"
    try:
        field_map = load_mapping(name, app.settings.mapping_dir)
    except MappingError as error:
        for text in str(error).splitlines():
            yield bad(about, text, Owner.CRM, _MAPPING)
        return
    yield from admin.check_prerequisites(app, field_map)
    client = admin.client(app, field_map)
    fits = list(guarded(about, Owner.CRM, lambda: _mapping(app, field_map, client, about)))
    yield from fits
    if any(line.mark is Mark.BAD for line in fits):
        yield note(feed, "not checked until the mapping fits")
    else:
        yield from guarded(feed, Owner.CRM, lambda: _feed(app, admin, client, feed, stored=stored))


def _mapping(app: App, field_map: FieldMap, client: Records, about: str) -> Iterator[Line]:
    found = lint(field_map.file, positions(client.name, app.settings.mapping_dir), client.describe())
    wrong = [each for each in found if each.severity is Severity.ERROR]
    for each in found:
        line = bad if each in wrong else look
        yield line(about, str(each), Owner.CRM, _PROVISION if each.can_be_provisioned else _MAPPING)
    if not wrong:
        yield good(about, f"version {field_map.version} fits the tables of the CRM")


def _feed(app: App, admin: CrmAdmin, client: Records, feed: str, *, stored: bool) -> Iterator[Line]:
    """Read one page of the change feed, which may take more rights than reading a record."""
    cursor = app.ledger.drawers.read(crm_cursor(client.name)).value if stored else ""
    try:
        next(client.changes(cursor or None))
    except CursorExpired:
        yield note(feed, "the cursor expired: the next poll reads every record once, and nothing is lost")
    except AccessDenied as error:
        raise AccessDenied(f"{admin.feed_right}: {error}") from error
    else:
        yield good(feed, "can be followed from the cursor" if cursor else "can be read; no poll yet")

"""What a mapping file demands of the CRM's columns. `lint` holds it against the live tables, `provision` makes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.mapping.check.tables import Kind
from shared.mapping.codes import longest_country_name
from shared.mapping.model import FieldRow, MappingFile, Pair
from shared.mapping.sections import Scalar

Place = tuple[int | str, ...]
"""The way to a value in the mapping file: keys and list positions."""

_TEXTS = (Kind.TEXT, Kind.MEMO)
_WORDS = (*_TEXTS, Kind.CHOICE)

_KINDS: dict[str, tuple[Kind, ...]] = {
    "name": _TEXTS,
    "text": _WORDS,
    "link": _TEXTS,
    "ids": _TEXTS,
    "solutions": _TEXTS,
    "people": (Kind.MEMO, Kind.TEXT),
    "country": _WORDS,
    "money": (Kind.MONEY, Kind.DECIMAL),
    "currency": (Kind.LOOKUP, Kind.CHOICE, Kind.TEXT),
    "date": (Kind.DAY,),
    "yes_no": (Kind.YES_NO,),
}
"""What a codec can be stored in, the natural one first; a codec that is not here is not checked."""


@dataclass(frozen=True)
class Need:
    """One column that the mapping file names.

    `kinds` are acceptable, the first is what provision makes, and none means that anything goes. `length` is how many
    characters we may write, `size` how long a new column is made. `create` and `update` say when we write it.
    """

    field: str
    place: Place
    column: str
    kinds: tuple[Kind, ...] = ()
    length: int | None = None
    size: int | None = None
    digits: int | None = None
    values: tuple[tuple[Scalar, str], ...] = ()
    create: bool = False
    update: bool = False
    optional: bool = False
    """Whether the app works without it: what it would hold is left out."""


def record_needs(file: MappingFile, longest_text: int | None = None) -> list[Need]:
    """Return what is needed of the record's table; the status columns are not among it.

    `longest_text` is how many characters a new column with a single line can hold in this CRM; longer texts are made
    multiline. It is of no account where nothing is made.
    """
    needs = [*_own(file), *_rows("fields", "", file.fields, longest=longest_text)]
    return [*needs, *_of_registration(file, {need.column for need in needs}, longest_text)]


def account_needs(file: MappingFile) -> list[Need]:
    """Return what is needed of the account's table; its rows are written when an account is made."""
    rows = _rows("account", "account.", file.account.fields, ("account", "fields"), create=True)
    known = (("duns", file.account.duns), ("website", file.account.website))
    only_read = (Need(f"account.{name}", ("account", name), column, _TEXTS) for name, column in known if column)
    return [*rows, *only_read]


def contact_needs(file: MappingFile) -> list[Need]:
    """Return what is needed of the contact's table; its rows are written where inbound deals bring their contact."""
    return list(_rows("contact", "contact.", file.contact, create=file.contact_in_crm))


def owner_needs(file: MappingFile) -> list[Need]:
    """Return what is needed of the user's table, which is only read."""
    return list(_rows("owner", "owner.", file.owner))


def _own(file: MappingFile) -> Iterator[Need]:
    """The product's own columns (design: CRM columns): lengths that are written, and sizes that are made."""
    own = file.columns

    def text(name: str, column: str, length: int, size: int, kinds: tuple[Kind, ...] = _TEXTS) -> Need:
        place = ("columns", name)
        return Need(f"columns.{name}", place, column, kinds, length, size, create=True, update=True)

    yield Need("columns.sync", ("columns", "sync"), own.sync, (Kind.YES_NO,), create=True)
    yield text("referral_identifier", own.referral_identifier, 36, 100, (Kind.TEXT,))
    yield text("referral_link", own.referral_link, 100, 255)
    yield text("audit", own.audit, 32_100, 100_000, (Kind.MEMO,))
    yield text("status", own.status, 100, 100)
    if own.notes_for_microsoft:
        notes = "columns.notes_for_microsoft", ("columns", "notes_for_microsoft"), own.notes_for_microsoft
        yield Need(*notes, (Kind.MEMO, Kind.TEXT), size=4000, optional=True)


def _of_registration(file: MappingFile, named: set[str], longest: int | None) -> Iterator[Need]:
    """The form of a registration only reads, so its columns may be anybody's; those that are are not needed twice."""
    section = file.registration
    if section is None:
        return
    yield from (
        need
        for need in _rows("registration", "registration.", section.form, ("registration", "form"), longest=longest)
        if need.column not in named
    )
    if section.status_column:
        where = "registration.status_column", ("registration", "status_column"), section.status_column
        yield Need(*where, (Kind.TEXT, Kind.MEMO), 100, 100, update=True, optional=True)


def _rows(
    section: str,
    prefix: str,
    rows: Iterable[Pair],
    place: Place | None = None,
    *,
    create: bool = False,
    longest: int | None = None,
) -> Iterator[Need]:
    for number, row in enumerate(rows):
        if isinstance(row, FieldRow) and row.rows:
            continue  # What it says stands in another table.
        moments = row.to_crm if isinstance(row, FieldRow) else ()
        here = (*(place or (section,)), number)
        need = Need(
            f"{prefix}{row.field}",
            (*here, "column"),
            row.column,
            _kinds(row, longest),
            _length(row),
            row.limit,
            row.digits if row.codec == "money" else None,
            tuple((row.values or {}).items()),
            create=create or "create" in moments,
            update="update" in moments,
            optional=isinstance(row, FieldRow) and row.optional,
        )
        yield need
        if row.fallback_column:
            yield Need(f"{prefix}{row.field}", (*here, "fallback_column"), row.fallback_column, _kinds(row, longest))


def _length(row: Pair) -> int | None:
    """Return how many characters a row may write; None when nothing bounds it."""
    if row.codec == "country":
        return longest_country_name() if row.country_as == "name" else 2
    return row.limit


def _kinds(row: Pair, longest: int | None) -> tuple[Kind, ...]:
    if row.codec == "choice":
        return _choice_kinds(list(row.values or ()))
    kinds = _KINDS.get(row.codec, ())
    is_long = longest is not None and kinds[:2] == _TEXTS and (row.limit or 0) > longest
    return (Kind.MEMO, Kind.TEXT, *kinds[2:]) if is_long else kinds


def _choice_kinds(options: list[Scalar]) -> tuple[Kind, ...]:
    """A choice is stored as its options are written: numbers, yes and no, or words."""
    if all(isinstance(option, bool) for option in options):
        return (Kind.YES_NO,)
    if all(isinstance(option, int) for option in options):
        return (Kind.CHOICE, Kind.WHOLE)
    return (Kind.TEXT, Kind.CHOICE)

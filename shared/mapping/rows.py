"""A row of the mapping file made ready for use: its paths become closures once, not once per deal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

from shared.deal import Fields, Value
from shared.errors import DataError
from shared.mapping.codecs import Codec, Json, solution_check
from shared.mapping.model import Pair
from shared.mapping.unreadable import CRM, PARTNER_CENTER, UnreadableValue
from shared.problems import Problem

Document = Mapping[str, object]
"""A decoded JSON object, or a CRM row by column name with look-ups resolved."""

Read = Callable[[Document], Value]
"""Reads one field; raises UnreadableValue with the code of the rule that the value breaks."""

Path = tuple[str, ...]
"""The way to a value through nested objects."""


@dataclass(frozen=True)
class CompiledRow:
    """A pair with its codec: reads and writes one field on either side."""

    pair: Pair
    codec: Codec

    @property
    def name(self) -> str:
        """The field's name."""
        return self.pair.field

    @cached_property
    def path(self) -> Path:
        """The way to the value in the referral's JSON."""
        return tuple(self.pair.referral.split("."))

    @cached_property
    def pointer(self) -> str:
        """The same as a JSON Pointer, as PATCH wants it."""
        return "/" + "/".join(self.path)

    @cached_property
    def from_referral(self) -> Read:
        """Reads the field in a referral's JSON."""
        fallback = tuple(self.pair.fallback.split(".")) if self.pair.fallback else None
        return _reader(self.path, fallback, self.codec.from_referral)

    @cached_property
    def from_record(self) -> Read:
        """Reads the field in a CRM row."""
        fallback = (self.pair.fallback_column,) if self.pair.fallback_column else None
        return _reader((self.pair.column,), fallback, self.codec.from_record)

    def from_default(self, default: str) -> Value:
        """Return the canonical value of what the mapping file gives a new referral."""
        return self.pair.plain_codec().from_referral(default)

    def read_referral(self, body: Document) -> Value:
        """Return the canonical value of a referral's JSON. Raises DataError."""
        try:
            return self.from_referral(body)
        except UnreadableValue as error:
            raise DataError(error.problem(self.name, PARTNER_CENTER)) from error

    def read_record(self, columns: Document) -> Value:
        """Return the canonical value of a CRM row. Raises DataError."""
        try:
            return self.from_record(columns)
        except UnreadableValue as error:
            raise DataError(error.problem(self.name, CRM)) from error


def make_rows(
    pairs: Iterable[Pair], *, mark: bool = False, catalogue: Mapping[str, str] = MappingProxyType({})
) -> tuple[CompiledRow, ...]:
    """Compile pairs; `mark` puts a check mark in front of names that are written to the CRM.

    `catalogue` has the solutions that may be sold; while it is empty, every one may be.
    """
    check = solution_check(catalogue)

    def codec_of(pair: Pair) -> Codec:
        codec = pair.make_codec(mark=mark)
        return replace(codec, refusal=check) if pair.codec == "solutions" else codec

    return tuple(CompiledRow(pair, codec_of(pair)) for pair in pairs)


def _reader(path: Path, fallback: Path | None, read: Callable[[Json], Value]) -> Read:
    """Return one closure for the way to the value and its codec; the shallow paths, nearly all, without a loop."""
    if fallback is not None:
        return _either(path, fallback, read)
    if len(path) == 1:
        (name,) = path
        return lambda document: read(document.get(name))
    if len(path) == 2:
        outer, inner = path

        def read_inner(document: Document) -> Value:
            held = document.get(outer)
            return read(held.get(inner) if isinstance(held, dict) else None)

        return read_inner
    return lambda document: read(get_path(document, path))


def _either(path: Path, fallback: Path, read: Callable[[Json], Value]) -> Read:
    def read_either(document: Document) -> Value:
        wire = get_path(document, path)
        return read(get_path(document, fallback) if wire is None or wire == "" else wire)

    return read_either


def body_writer(rows: Iterable[CompiledRow]) -> Callable[[Fields], dict[str, object]]:
    """Return what makes referral JSON of canonical values; values that are absent are left out.

    The rows are grouped by the object they lie in, so that the way there is gone once per object.
    """
    groups: dict[Path, list[tuple[str, str, Callable[[Value, Json], Json]]]] = {}
    for row in rows:
        groups.setdefault(row.path[:-1], []).append((row.path[-1], row.name, row.codec.to_referral))
    compiled = tuple(groups.items())

    def write(values: Fields) -> dict[str, object]:
        body: dict[str, object] = {}
        for path, leaves in compiled:
            inner: dict[str, object] | None = None
            for key, name, spell in leaves:
                if name in values:
                    if inner is None:
                        inner = _object_at(body, path)
                    # Rows of one list find what the rows before them wrote into it.
                    inner[key] = spell(values[name], inner.get(key))
        return body

    return write


def get_path(body: object, path: Iterable[str]) -> Json:
    """Follow `path` through nested objects, and lists by position from 0; absent parts read as None."""
    for part in path:
        if isinstance(body, list):
            body = body[int(part)] if part.isdecimal() and int(part) < len(body) else None
        elif isinstance(body, dict):
            body = body.get(part)
        else:
            return None
    return body


def put_path(body: dict[str, object], path: Path, value: object) -> None:
    """Set the value at `path`, making the objects on the way."""
    _object_at(body, path[:-1])[path[-1]] = value


def _object_at(body: dict[str, object], path: Path) -> dict[str, object]:
    for part in path:
        inner = body.get(part)
        if inner is None:
            inner = body[part] = {}
        if not isinstance(inner, dict):
            raise TypeError(f"{part} is not an object")
        body = inner
    return body


def one_by_one(
    document: Document, readers: Mapping[str, Callable[[Document], Value]]
) -> tuple[dict[str, Value], dict[str, Problem]]:
    """Read field by field; one that cannot be read is empty, with the problem."""
    fields: dict[str, Value] = {}
    unreadable: dict[str, Problem] = {}
    for name, read in readers.items():
        try:
            fields[name] = read(document)
        except DataError as error:
            fields[name] = None
            unreadable[name] = error.problems[0]
    return fields, unreadable

"""Checks the section `registration` for being a form that Microsoft would take; pure, whatever the CRM looks like."""

from __future__ import annotations

from collections.abc import Iterator

from shared.mapping.check import referral_shape as wire
from shared.mapping.check.findings import Finding, error, warning
from shared.mapping.check.needs import Place
from shared.mapping.deal_registration import RegistrationSection
from shared.mapping.model import MappingFile
from shared.mapping.pair import Pair
from shared.mapping.registration_form import CODES, END, FINITE, GIVEN, IN_MARKETPLACE, MARKETPLACE_DAY, NEEDED, TERM

_KNOWN = dict(wire.leaves(wire.REGISTRATION))
_HERE = ("registration",)


def registration_findings(file: MappingFile) -> Iterator[Finding]:
    """Yield what is wrong with the form, and what it lacks; nothing without the section."""
    section = file.registration
    if section is None:
        return
    for number, row in enumerate(section.form):
        yield from _row(("registration", "form", number), row)
    for path, value in section.constants.items():
        yield from _path("registration", ("registration", "constants", path), path)
        if path in CODES and value not in CODES[path]:
            what = f"Partner Center has no code {value}"
            yield error("registration", ("registration", "constants", path), what, CODES[path], str(value))
    for number, path in enumerate(section.not_needed):
        yield from _path("registration", ("registration", "not_needed", number), path)
    yield from _lacking(section)


def _row(place: Place, row: Pair) -> Iterator[Finding]:
    field = f"registration.{row.field}"
    yield from _path(field, (*place, "referral"), row.referral)
    held, wanted = _KNOWN.get(row.referral), wire.HOLDS.get(row.codec)
    if held and held != wanted:
        what = f"{row.referral} holds {held}, which codec {row.codec} does not read"
        yield error(field, (*place, "codec"), what)
    codes = CODES.get(row.referral, ())
    for code in (row.values or {}).values() if codes else ():
        if code not in codes:
            yield error(field, (*place, "values"), f"Partner Center has no code {code}", codes, code)


def _path(field: str, place: Place, path: str) -> Iterator[Finding]:
    if path not in _KNOWN:
        yield error(field, place, f"a registration has no {path}", _KNOWN, path)


def _lacking(section: RegistrationSection) -> Iterator[Finding]:
    """Yield what every form needs and nothing gives it; then what it needs under a condition that may be met."""
    there = section.paths | set(section.not_needed)
    for path in NEEDED:
        if path not in there | GIVEN:
            what = f"the form lacks {path}, so no win could be registered; add a row, a constant or a `not_needed`"
            yield error("registration", _HERE, what)
    for path, cause, value in ((END, TERM, FINITE), (MARKETPLACE_DAY, IN_MARKETPLACE, True)):
        may_be = section.constants.get(cause, value) == value and cause in section.paths
        if may_be and path not in there:
            what = f"the form lacks {path}, which it needs where {cause} is {value}: those wins wait for a person"
            yield warning("registration", _HERE, what)

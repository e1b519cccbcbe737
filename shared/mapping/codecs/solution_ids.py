"""Solution ids: their form, what is known of them, and what Partner Center would refuse of a list of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches

from shared.deal import Value
from shared.mapping.unreadable import UnreadableValue

MOST = 50
"""So many solutions fit on a referral (bulk-operations)."""

_CO_SELL = re.compile(r"SOL-[0-9]+-[A-Z]{3}")
"""A partner's co-sell solution, as seen in published referrals; Microsoft's own have a GUID."""

_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_NEARLY = re.compile(r"SOL[\W_]*([0-9]+)[\W_]*([A-Z]{3})")
_SHOWN = 5


def solution_check(catalogue: Mapping[str, str]) -> Callable[[Value, Value], UnreadableValue | None]:
    """Return what says why a list of ids would be refused in place of the one that Partner Center holds.

    Only added ids are looked at: what Partner Center holds is right, whatever its form. `catalogue` has the names of
    the solutions that may be sold, by id; while it is empty every id of the right form passes.
    """
    by_case = {each.casefold(): each for each in catalogue}

    def check(new: Value, held: Value) -> UnreadableValue | None:
        ids = new if isinstance(new, tuple) else ()
        added = [each for each in ids if each not in (held if isinstance(held, tuple) else ())]
        if malformed := [each for each in added if each not in catalogue and not _has_form(each)]:
            meant = [by_case.get(each.casefold()) or _meant(each) for each in malformed]
            hints = [f"{wrong} → {right}" if right else wrong for wrong, right in zip(malformed, meant, strict=True)]
            return UnreadableValue("solutions.malformed", ids=", ".join(hints[:_SHOWN]))
        if unknown := [each for each in added if catalogue and each.casefold() not in by_case]:
            hints = [_known(each, catalogue) for each in unknown]
            return UnreadableValue("solutions.not_in_catalogue", ids=", ".join(hints[:_SHOWN]))
        if len(ids) > MOST:
            return UnreadableValue("solutions.too_many", count=len(ids), limit=MOST)
        return None

    return check


def _has_form(text: str) -> bool:
    return bool(_CO_SELL.fullmatch(text) or _GUID.fullmatch(text))


def _meant(text: str) -> str:
    """Return the id that a text of another case or with other separators stands for; empty when there is none."""
    found = _NEARLY.fullmatch(text.strip().upper())
    return f"SOL-{found[1]}-{found[2]}" if found else ""


def _known(text: str, catalogue: Mapping[str, str]) -> str:
    """Return an id with the one of the catalogue that was probably meant: of a similar id, or of that name."""
    named = [each for each, name in catalogue.items() if name.casefold() == text.casefold()]
    near = named or get_close_matches(text, catalogue, n=1)
    return f"{text} → {near[0]}" if near else text

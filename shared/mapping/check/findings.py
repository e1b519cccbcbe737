"""What lint reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from shared.mapping.check.needs import Place


class Severity(StrEnum):
    """ERROR: deals would fail or be damaged. WARNING: somebody should look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and where it is written.

    `nearest` is the valid name that was probably meant. `can_be_provisioned`: the CRM does not have, or does not grant,
    what `cosell.py provision` could create or grant.
    """

    severity: Severity
    field: str
    place: Place
    what: str
    nearest: str = ""
    file: str = ""
    line: int = 0
    can_be_provisioned: bool = False

    def __str__(self) -> str:
        """The finding on one line, as compilers write theirs."""
        hint = f" Did you mean {self.nearest}?" if self.nearest else ""
        return f"{self.file}, line {self.line}: {self.severity}: {self.field}: {self.what}.{hint}"


def error(
    field: str,
    place: Place,
    what: str,
    candidates: Iterable[str] = (),
    typed: str = "",
    *,
    can_be_provisioned: bool = False,
) -> Finding:
    """Return an error; the nearest name to what was `typed` is looked up among the `candidates`."""
    return Finding(
        Severity.ERROR, field, place, what, nearest(typed, candidates), can_be_provisioned=can_be_provisioned
    )


def warning(field: str, place: Place, what: str, *, can_be_provisioned: bool = False) -> Finding:
    """Return a warning."""
    return Finding(Severity.WARNING, field, place, what, can_be_provisioned=can_be_provisioned)


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return the most similar name, or an empty text when none is similar."""
    by_folded = {each.casefold(): each for each in candidates}
    found = get_close_matches(name.casefold(), by_folded, n=1)
    return by_folded[found[0]] if found else ""

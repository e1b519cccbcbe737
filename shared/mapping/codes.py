"""Codes of countries and currencies: every well-formed one is taken, and names are found however they are spelled.

Whether a CRM or Partner Center knows a code is theirs to say: a list that was closed when this was built would keep out
deals that are right. countries.txt (made by tools/country_names.py) is read when the first name is looked up.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).parent / "countries.txt"
_WORD = re.compile(r"[a-z0-9]+")
_ARTICLES = frozenset({"the"})
_SHORT = {"st": "saint", "sts": "saints"}


def is_currency(text: str) -> bool:
    """Whether the text has the form of an ISO 4217 alphabetic code: three capital letters."""
    return len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()


def is_country(text: str) -> bool:
    """Whether the text has the form of an ISO 3166 alpha-2 code: two capital letters."""
    return len(text) == 2 and text.isascii() and text.isalpha() and text.isupper()


def country_code(text: str) -> str | None:
    """Return the alpha-2 code for an alpha-2 or alpha-3 code or an English name; None for a name that is not known.

    Names are compared without accents, case, punctuation and articles; "&" is "and".
    """
    known = _countries().by_name.get(folded(text))
    if known:
        return known
    code = text.strip().upper()
    return code if is_country(code) else None


def country_name(code: str) -> str:
    """Return the English short name of an alpha-2 code; of one that is not known, the code."""
    return _countries().names.get(code, code)


def longest_country_name() -> int:
    """Return how many characters the longest name has that `country_name` returns."""
    return max(map(len, _countries().names.values()))


def folded(name: str) -> str:
    """Return a name as names are compared: `Côte d'Ivoire` and `cote d ivoire` are one."""
    plain = unicodedata.normalize("NFKD", name.replace("&", " and ")).casefold()
    # A letter without its marks; what is not decomposed (ø, ł) stays out on both sides alike.
    words = _WORD.findall("".join(each for each in plain if not unicodedata.combining(each)).replace(".", ""))
    return " ".join(_SHORT.get(word, word) for word in words if word not in _ARTICLES)


@dataclass(frozen=True)
class _Countries:
    by_name: dict[str, str]
    names: dict[str, str]


@functools.cache
def _countries() -> _Countries:
    by_name: dict[str, str] = {}
    names: dict[str, str] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        alpha_2, alpha_3, known = line.split(" ", 2)
        spelled = known.split("|")
        names[alpha_2] = spelled[0]
        by_name |= {folded(each): alpha_2 for each in (alpha_2, alpha_3, *spelled)}
    return _Countries(by_name, names)

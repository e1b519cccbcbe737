"""How much two customers are alike: whether an account of the CRM is the one that a referral speaks of. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher

CERTAIN = 100


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SAME_NAME, _ALIKE_NAME, _SAME_PLACE, _SAME_DOMAIN, _OTHER_PLACE = 70, 50, 30, 30, 20
_ALIKE = 0.85
"""How much of two names is the same when they are alike: one letter in a short name."""

_LEGAL = _words(
    "ab ag aktiengesellschaft aps as asa bhd bv bvba co company corp corporation cv doo eg ek ev gbr gmbh inc "
    "incorporated kabushiki kaisha kft kg kgaa kk limited llc llp ltd ltda mbh nv ohg oy oyj plc pt pte pty pvt "
    "sa sarl sas sau sdn se sl slu spa sro srl the ug und and zoo 주 주식회사 유한회사 株式会社 有限会社"
)
"""Words that say how a firm is organized; a name means the same with and without them."""

_ANYBODYS = _words(
    "gmail.com googlemail.com outlook.com hotmail.com live.com yahoo.com icloud.com aol.com gmx.de gmx.net web.de "
    "t-online.de proton.me protonmail.com naver.com daum.net hanmail.net qq.com 163.com"
)
"""Domains of mail addresses that say nothing of a firm."""


@dataclass(frozen=True)
class Customer:
    """What is known of a customer; empty where nothing is."""

    name: str
    postal_code: str = ""
    country: str = ""
    duns: str = ""
    domain: str = ""
    """Of its web site, or of a mail address."""


def score(wanted: Customer, held: Customer) -> int:
    """Return how certain it is that the two are one, from 0 to 100.

    A D-U-N-S number decides alone, and so does another country against it. A name without a place is not enough, nor
    is a place without a name.
    """
    numbers = digits(wanted.duns), digits(held.duns)
    if all(numbers):
        return CERTAIN if numbers[0] == numbers[1] else 0
    countries = wanted.country.casefold(), held.country.casefold()
    if all(countries) and countries[0] != countries[1]:
        return 0
    points = _of_names(plain_name(wanted.name), plain_name(held.name))
    if not points:
        return 0
    places = plain_code(wanted.postal_code), plain_code(held.postal_code)
    if all(places):
        points += _SAME_PLACE if places[0] == places[1] else -_OTHER_PLACE
    domains = plain_domain(wanted.domain), plain_domain(held.domain)
    if all(domains) and domains[0] == domains[1]:
        points += _SAME_DOMAIN
    return max(0, min(points, CERTAIN))


def _of_names(left: str, right: str) -> int:
    if not left or not right:
        return 0
    if left == right:
        return _SAME_NAME
    return _ALIKE_NAME if SequenceMatcher(None, left, right, autojunk=False).ratio() >= _ALIKE else 0


def plain_name(name: str) -> str:
    """Return a firm's name without case, accents, punctuation and legal form; one of nothing else stays whole."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold().replace("&", " and "))
    # What stands between the letters of an abbreviation goes without a trace: B.V. is BV.
    joined = re.sub(r"[.'\u2019]", "", "".join(each for each in folded if not unicodedata.combining(each)))
    whole = unicodedata.normalize("NFC", re.sub(r"[\W_]+", " ", joined))
    words = re.sub("주식회사|유한회사|株式会社|有限会社", r" \g<0> ", whole).split()  # Written without a blank, too.
    return " ".join([each for each in words if each not in _LEGAL] or words)


def plain_code(code: str) -> str:
    """Return a postal code without case, blanks and punctuation; of ZIP+4 the five digits."""
    plain = "".join(each for each in unicodedata.normalize("NFKC", code).casefold() if each.isalnum())
    return plain[:5] if len(plain) == 9 and plain.isdigit() else plain


def plain_domain(text: str) -> str:
    """Return the domain of a web or mail address, without www; empty for one that anybody may have."""
    host = re.sub(r"^[a-z]+://", "", text.strip().casefold()).rpartition("@")[2]
    domain = re.split(r"[/:?#]", host, maxsplit=1)[0].removeprefix("www.").strip(".")
    return domain if "." in domain and domain not in _ANYBODYS else ""


def digits(text: str) -> str:
    """Return the digits of a D-U-N-S number."""
    return "".join(each for each in text if each.isdecimal())


def beginning(name: str) -> str:
    """Return how the names of accounts begin that may be this customer's: so a CRM looks at few of them."""
    words = name.partition("\\")[0].split()  # No two CRMs take a backslash in the same way.
    found = words[0] if words else ""
    return " ".join(words[:2]) if len(found) < 3 or found.casefold() in _LEGAL else found

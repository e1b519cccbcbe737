"""Prints shared/mapping/countries.txt: `python -m tools.country_names`.

Codes and ISO names come from pycountry, which is 23 MB and so no dependency at run time; usual names are added here by
hand: what people and other systems (CLDR among them) call a country that ISO calls otherwise. Accents, case,
punctuation, articles and "&" need no entry of their own: they are left out when names are compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pycountry

_USUAL = {
    "AE": "UAE|Emirates",
    "BN": "Brunei",
    "BO": "Bolivia",
    "BQ": "Caribbean Netherlands|Bonaire",
    "CC": "Keeling Islands",
    "CD": "DR Congo|DRC|Congo (DRC)|Congo - Kinshasa|Democratic Republic of Congo|Zaire",
    "CG": "Congo - Brazzaville|Republic of Congo|Congo Republic",
    "CI": "Ivory Coast",
    "CV": "Cape Verde",
    "CZ": "Czech Republic",
    "FK": "Falkland Islands|Falklands",
    "FM": "Micronesia",
    "GR": "EL",
    "GB": "UK|U.K.|Great Britain|Britain|England|Scotland|Wales|Northern Ireland",
    "GS": "South Georgia",
    "HK": "Hong Kong SAR China|Hong Kong SAR",
    "HM": "Heard & McDonald Islands",
    "IE": "Republic of Ireland|Eire",
    "IR": "Iran",
    "KP": "North Korea|Korea, North",
    "KR": "South Korea|Korea, South",
    "LA": "Laos",
    "MD": "Moldova",
    "MF": "Saint Martin",
    "MK": "Macedonia|FYROM|Former Yugoslav Republic of Macedonia",
    "MM": "Burma|Myanmar (Burma)",
    "MO": "Macau|Macao SAR China|Macau SAR China|Macao SAR",
    "NL": "Holland",
    "PN": "Pitcairn Islands",
    "PS": "Palestine|Palestinian Territories|Palestinian Territory",
    "RU": "Russia",
    "SA": "KSA",
    "SH": "Saint Helena",
    "SX": "Sint Maarten",
    "SY": "Syria",
    "SZ": "Swaziland",
    "TF": "French Southern and Antarctic Lands",
    "TL": "East Timor",
    "TR": "Turkey",
    "TW": "Taiwan",
    "TZ": "Tanzania",
    "UM": "U.S. Outlying Islands",
    "US": "USA|U.S.|U.S.A.|United States of America",
    "VA": "Vatican|Vatican City|Holy See",
    "VC": "Saint Vincent & Grenadines",
    "VE": "Venezuela",
    "VG": "British Virgin Islands",
    "VI": "U.S. Virgin Islands|US Virgin Islands",
    "VN": "Vietnam",
}

_NOT_IN_ISO = {("XK", "XKX"): "Kosovo|Republic of Kosovo"}
"""User-assigned codes that Microsoft, the EU and both CRMs use all the same."""


def lines() -> Iterator[str]:
    """Yield a line per country: alpha-2, alpha-3, and names with | between them, the one that is written first."""
    found = {
        (each.alpha_2, each.alpha_3): "|".join(dict.fromkeys([*_iso_names(each), *_usual(each.alpha_2)]))
        for each in pycountry.countries
    }
    for (alpha_2, alpha_3), names in sorted({**found, **_NOT_IN_ISO}.items()):
        yield f"{alpha_2} {alpha_3} {names}"


def _iso_names(country: object) -> Iterator[str]:
    for kind in ("name", "common_name", "official_name"):
        name = getattr(country, kind, None)
        if name:
            yield str(name)
            yield from _plainer(str(name))


def _plainer(name: str) -> Iterator[str]:
    """Yield "Republic of Korea" for "Korea, Republic of", and "Cocos Islands" for "Cocos (Keeling) Islands"."""
    if match := re.fullmatch(r"([^,]+), ([^,]+)", name):
        yield f"{match[2]} {match[1]}"
    if "(" in name:
        yield re.sub(r" *\([^)]*\)", "", name)


def _usual(alpha_2: str) -> list[str]:
    return _USUAL.get(alpha_2, "").split("|") if alpha_2 in _USUAL else []


if __name__ == "__main__":
    print("\n".join(lines()))

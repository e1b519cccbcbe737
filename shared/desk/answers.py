"""The status page's answers, as data: what the JSON API says, and what the page is rendered from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.desk.desk import Desk
from shared.desk.explain import explain
from shared.desk.find import find
from shared.desk.overview import STANDINGS, Asked, overview
from shared.errors import CosellError, SettingsError

SEARCH = 200
"""Characters of what is searched for."""


@dataclass(frozen=True)
class Answer:
    """An HTTP status, and what is said with it."""

    status: int
    content: Mapping[str, object]


def look(desk: Desk, params: Mapping[str, str]) -> Answer:
    """Return everything at a glance, or with `deal` one deal. A failure becomes an answer."""
    crm, standing = params.get("crm", ""), params.get("standing", "")
    wrong = [f"crm: must be one of {', '.join(desk.crms)}."] if crm not in ("", *desk.crms) else []
    wrong += [f"standing: must be one of {', '.join(STANDINGS)}."] if standing not in ("", *STANDINGS) else []
    if wrong:
        return refused(400, "invalid_request", *wrong)
    try:
        if name := params.get("deal", "").strip()[:SEARCH]:
            return look_at(desk, name, crm, now=params.get("look") == "now")
        return Answer(200, overview(desk, Asked(crm, standing, params.get("after", "")[:SEARCH])))
    except CosellError as error:
        return failed(error)


def look_at(desk: Desk, name: str, crm: str, *, now: bool) -> Answer:
    """Return one deal, explained; 404 when there is none of that name. Raises the families."""
    found = find(desk, name, crm)
    return Answer(200, explain(desk, found, look=now)) if found else unknown(name)


def unknown(name: str) -> Answer:
    """Return that there is no such deal."""
    text = f"No deal is known under {name}. Give the id of its referral, or of its record in the CRM."
    return refused(404, "not_found", text)


def refused(status: int, error: str, *problems: str) -> Answer:
    """Return why something is not done."""
    return Answer(status, {"error": error, "problems": list(problems)})


def failed(error: CosellError) -> Answer:
    """Return what a service or the settings lack."""
    kind = "settings" if isinstance(error, SettingsError) else error.family
    return Answer(500 if kind == "settings" else 503, {"error": kind, "problems": [str(error)]})

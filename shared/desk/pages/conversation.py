"""The conversation of StatusPage: who asks how, and which page or data answers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from shared.desk.actions import act, allowed, read
from shared.desk.answers import Answer, failed, look, refused
from shared.desk.desk import Desk
from shared.desk.find import find
from shared.desk.names import deal_names
from shared.desk.pages.view import WORDS, Place, outcome_of, view_of
from shared.errors import CosellError
from shared.orders import Order
from shared.pages.web import Reply, Visit, data, page

MAX_BODY = 16_384
FUNCTION_KEY = "function key"

_FOREIGN = refused(
    403,
    "cross_site",
    "The request came from another site's page, or from a browser that does not tell where from.",
    "Open StatusPage itself, and act from there.",
)
_METHODS = refused(405, "method_not_allowed", "Use GET to look, or POST to act.")


def respond(visit: Visit, open_desk: Callable[[], Desk]) -> Reply:
    """Answer a GET with how things stand, and a POST with what will happen: a form with a page, all else with data."""
    as_page = visit.is_form if visit.method == "POST" else not visit.wants_data
    if visit.method not in ("GET", "HEAD", "POST"):
        return _reply(visit, _METHODS, None, as_page=as_page)
    if visit.method == "POST" and visit.crosses_sites:
        return _reply(visit, _FOREIGN, None, as_page=as_page)
    try:
        desk = open_desk()
    except CosellError as error:
        return _reply(visit, failed(error), None, as_page=as_page)
    if visit.method == "POST":
        return _submit(visit, desk)
    return _reply(visit, look(desk, visit.params), desk, as_page=as_page)


def _submit(visit: Visit, desk: Desk) -> Reply:
    """Do what is asked for; a form is answered with its page as it is now, and what will happen above it."""
    try:
        content = _content(visit)
    except ValueError as error:
        return _reply(visit, refused(400, "invalid_request", str(error)), desk, as_page=visit.is_form)
    asked = read(content, who(visit))
    try:
        answer = asked if isinstance(asked, Answer) else act(desk, asked)
    except CosellError as error:
        answer = failed(error)
    if not visit.is_form:
        return data(answer.status, answer.content)
    return _reply(visit, look(desk, visit.params), desk, as_page=True, outcome=answer, typed=content)


def _content(visit: Visit) -> Mapping[str, object]:
    """Return what a form or a script sent. Raises ValueError for anything else."""
    if len(visit.body) > MAX_BODY:
        raise ValueError(f"The request must not exceed {MAX_BODY} bytes.")
    text = visit.body.decode("utf-8", "replace")
    if visit.is_form:
        return dict(parse_qsl(text, max_num_fields=50))
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ValueError("The request must be a JSON object.")
    return content


def who(visit: Visit) -> str:
    """Return who asks: the signed-in principal where the platform vouches for it, else whoever has the function key.

    App Service removes the header from what comes from outside only while its authentication is on, which it tells by
    this variable (learn.microsoft.com/azure/app-service/reference-app-settings).
    """
    name = visit.headers.get("x-ms-client-principal-name", "").strip()
    signed_in = os.environ.get("WEBSITE_AUTH_ENABLED", "").casefold() in ("true", "1")
    return name[:200] if name and signed_in else FUNCTION_KEY


def _reply(
    visit: Visit,
    answer: Answer,
    desk: Desk | None,
    *,
    as_page: bool,
    outcome: Answer | None = None,
    typed: Mapping[str, object] | None = None,
) -> Reply:
    if not as_page:
        return data(answer.status, answer.content)
    place = Place(visit.params)
    names = deal_names(desk, answer.content) if desk else {}
    template = "deal" if "fields" in answer.content else "overview"
    view = view_of(answer, desk, place, names)
    if desk and "fields" in answer.content:
        view["actions"] = actions_of(desk, place)
    if outcome:
        view |= outcome_of(outcome)
        if typed and typed.get("action") == Order.LINK and "error" in outcome.content:
            view["typed"] = typed
    return page((outcome or answer).status, f"desk/pages/{template}.html", view)


def actions_of(desk: Desk, place: Place) -> list[tuple[str, str]]:
    """Return the actions that the deal at a place allows, in words; none when the ledger does not answer."""
    try:
        found = find(desk, place["deal"], place["crm"])
        return [(action, WORDS[action]) for action in allowed(desk, found)] if found else []
    except CosellError:
        return []

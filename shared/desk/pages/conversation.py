"""The conversation of StatusPage: who asks how, and which page or data answers."""

from __future__ import annotations

from collections.abc import Callable

from shared.desk.answers import Answer, failed, look, refused
from shared.desk.desk import Desk
from shared.desk.names import deal_names
from shared.desk.pages.view import Place, view_of
from shared.errors import CosellError
from shared.pages.web import Reply, Visit, data, page

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
    return _reply(visit, look(desk, visit.params), desk, as_page=as_page)


def _reply(visit: Visit, answer: Answer, desk: Desk | None, *, as_page: bool) -> Reply:
    if not as_page:
        return data(answer.status, answer.content)
    place = Place(visit.params)
    names = deal_names(desk, answer.content) if desk else {}
    template = "deal" if "fields" in answer.content else "overview"
    return page(answer.status, f"desk/pages/{template}.html", view_of(answer, desk, place, names))

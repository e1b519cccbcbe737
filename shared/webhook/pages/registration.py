"""The conversation of RegisterWebhook: who asks how, and which page or data answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from shared.errors import CosellError
from shared.pages.web import Reply, Visit, data, page
from shared.webhook.pages.registration_view import view_of
from shared.webhook.registration_answers import Answer, RegistrationAnswers, failed, invalid
from shared.webhook.registration_request import InvalidRegistration, read_form, read_json

_FOREIGN = Answer(
    403,
    {
        "error": "cross_site",
        "problems": ["The request came from another site's page, or from a browser that does not tell where from."],
        "remedy": "Open RegisterWebhook itself, in a current browser, and send its form from there.",
    },
)


def respond(visit: Visit, open_answers: Callable[[], RegistrationAnswers]) -> Reply:
    """Answer a GET with how things stand, and a POST with what became of it: a form with a page, all else with data."""
    if visit.method == "POST" and visit.crosses_sites:
        return _page(visit, _FOREIGN, None, {}) if visit.is_form else data(_FOREIGN.status, _FOREIGN.content)
    try:
        answers = open_answers()
    except CosellError as error:
        answer = failed(error)
        as_page = visit.is_form or (visit.method == "GET" and not visit.wants_data)
        return _page(visit, answer, None, {}) if as_page else data(answer.status, answer.content)
    return _submit(visit, answers) if visit.method == "POST" else _show(visit, answers)


def _show(visit: Visit, answers: RegistrationAnswers) -> Reply:
    overview = answers.overview(visit.host, visit.params.get("test"))
    if visit.wants_data:
        return data(overview.status, overview.content)
    return _page(visit, None, overview, {})


def _submit(visit: Visit, answers: RegistrationAnswers) -> Reply:
    given: Mapping[str, object] = {}
    try:
        given = read_form(visit.body) if visit.is_form else read_json(visit.body)
        answer = answers.submit(given)
    except InvalidRegistration as error:
        answer = invalid(error)
    if not visit.is_form:
        return data(answer.status, answer.content)
    return _page(visit, answer, answers.overview(visit.host), given)


def _page(visit: Visit, answer: Answer | None, overview: Answer | None, given: Mapping[str, object]) -> Reply:
    shown = answer or overview
    status = shown.status if shown else 200
    # Relative, so that the key stays in use and no host is made up. A form without an address of its own would take the
    # fragment of an error's link along, and the next page would open at that field instead of at its result.
    others = {name: value for name, value in visit.params.items() if name != "test"}
    start, test = (urlencode(each, errors="replace") for each in (others, {**others, "test": ""}))
    address = {"start": f"?{start}", "test": f"?{test}"}
    return page(status, "webhook/pages/registration.html", view_of(answer, overview, given) | {"address": address})

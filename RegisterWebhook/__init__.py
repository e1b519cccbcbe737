"""HTTP: tell Partner Center where to send events; a page for people, JSON for scripts."""

import azure.functions as func

from shared.bootstrap import app
from shared.pages.web import Visit
from shared.webhook.pages.registration import respond


def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer 200, 400 with every problem, 403 to another site, 409 with the present registration, or 502."""
    headers = {name.lower(): value for name, value in req.headers.items()}
    visit = Visit(req.method, req.url, headers, dict(req.params), req.get_body())
    reply = respond(visit, lambda: app().registration_answers)
    return func.HttpResponse(reply.body, status_code=reply.status, headers=dict(reply.headers), mimetype=reply.kind)

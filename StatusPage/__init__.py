"""HTTP: a place to look and to act; a page for people, JSON for scripts."""

import azure.functions as func

from shared.bootstrap import app
from shared.desk.pages.conversation import respond
from shared.pages.web import Visit


def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer 200, 202 to an action, 400, 403 to another site, 404, 405, 409, or 503."""
    headers = {name.lower(): value for name, value in req.headers.items()}
    visit = Visit(req.method, req.url, headers, dict(req.params), req.get_body())
    reply = respond(visit, lambda: app().desk)
    return func.HttpResponse(reply.body, status_code=reply.status, headers=dict(reply.headers), mimetype=reply.kind)

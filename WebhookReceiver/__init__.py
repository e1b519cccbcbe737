"""HTTP: authenticate Partner Center's event, put its key on the queue, answer."""

import logging

import azure.functions as func

from shared.bootstrap import app
from shared.errors import CosellError

log = logging.getLogger(__name__)


def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer 200, 400, 401, 413 or 500 as Partner Center's ten delivery attempts need it; the body stays empty."""
    headers = {name.lower(): value for name, value in req.headers.items()}
    try:
        return func.HttpResponse(status_code=app().receiver.receive(headers, req.get_body()))
    except CosellError as error:
        log.error("event not queued, Partner Center will send it again: %s", error)
        return func.HttpResponse(status_code=500)

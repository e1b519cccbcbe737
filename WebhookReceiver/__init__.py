"""HTTP: authenticate Partner Center's event, put its key on the queue, answer."""

import logging

import azure.functions as func

from shared.bootstrap import app
from shared.errors import CosellError
from shared.sync.receive_event import MAX_BODY, MalformedEvent, receive_event

log = logging.getLogger(__name__)


def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer 200, 400, 401, 413 or 500 as Partner Center's ten delivery attempts need it."""
    from shared.partner_center.signature import CertificateUnavailable, SignatureRefused

    body = req.get_body()
    if len(body) > MAX_BODY:
        return func.HttpResponse(status_code=413)
    if not body:
        log.warning("event without a body: empty, or sent in chunks, which the Functions host drops")
        return func.HttpResponse(status_code=400)
    try:
        app().signature_check.check({name.lower(): value for name, value in req.headers.items()}, body)
        if receive_event(body, app().queue):
            app().heartbeat.beat()
    except SignatureRefused as refusal:
        log.warning("event refused: %s", refusal)
        return func.HttpResponse(status_code=401)
    except MalformedEvent as refusal:
        log.warning("event malformed: %s", refusal)
        return func.HttpResponse(status_code=400)
    except (CertificateUnavailable, CosellError) as error:
        log.error("event not queued, Partner Center will send it again: %s", error)
        return func.HttpResponse(status_code=500)
    return func.HttpResponse(status_code=200)

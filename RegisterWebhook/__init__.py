"""HTTP, one-shot: tell Partner Center where to send events."""

import json

import azure.functions as func

from shared.bootstrap import app
from shared.errors import CosellError
from shared.sync.register_webhook import (
    InvalidRegistration,
    RegistrationExists,
    describe,
    parse_request,
    register_webhook,
)


def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer 200, 400 with every problem, 409 with the present registration, or 502 with Partner Center's words."""
    try:
        return _answer(200, register_webhook(app().webhooks, app().clock, parse_request(req.get_body())))
    except InvalidRegistration as error:
        return _answer(400, {"error": "invalid_request", "problems": error.problems})
    except RegistrationExists as error:
        remedy = "Partner Center keeps one registration per tenant. Send overwrite: true to replace this one."
        return _answer(409, {"error": "registration_exists", "remedy": remedy, "current": describe(error.current)})
    except CosellError as error:
        told = {"code": error.code, "correlation_id": error.correlation_id, "message": str(error)}
        return _answer(502, {"error": "partner_center", **told})


def _answer(status: int, content: dict[str, object]) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(content), status_code=status, mimetype="application/json")

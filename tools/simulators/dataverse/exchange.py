"""One request and what is needed to answer it: caller, preferences, body, response building."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from decimal import Decimal

from werkzeug.wrappers import Request, Response

from tools.simulators.dataverse.environment import Caller, Environment
from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.preferences import Preferences
from tools.simulators.dataverse.wire import Renderer, to_json
from tools.simulators.dataverse.writes import Writer

_AFFINITY = "ARRAffinity"


@dataclass
class Exchange:
    """A request being answered, with its query options and its writer."""

    environment: Environment
    request: Request
    caller: Caller
    prefer: Preferences
    renderer: Renderer
    writer: Writer
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, environment: Environment, request: Request, caller: Caller, service_root: str) -> Exchange:
        """Prepare the answer to a request below the service root."""
        prefer = Preferences.parse(request.headers.get("Prefer", ""))
        renderer = Renderer(environment, service_root, caller.user_id, prefer.annotations())
        return cls(environment, request, caller, prefer, renderer, Writer(environment, caller), request.args.to_dict())

    def body(self) -> dict[str, object]:
        """Return the JSON object that was sent, with exact numbers."""
        if self.request.mimetype != "application/json":
            raise RefusedError(Rule.NOT_JSON, type=self.request.mimetype)
        try:
            document = json.loads(self.request.get_data(), parse_float=Decimal)
        except ValueError as error:
            raise RefusedError(Rule.MALFORMED_BODY, detail=str(error)) from None
        if not isinstance(document, dict):
            raise RefusedError(Rule.MALFORMED_BODY, detail="A JSON object is expected.")
        return document

    def header(self, name: str) -> str | None:
        """Return a conditional header; the documented `If-None-Match: null` means none."""
        value = self.request.headers.get(name)
        return None if value == "null" else value

    def json(self, document: object, status: int = 200) -> Response:
        """Return a JSON answer."""
        content_type = "application/json; odata.metadata=minimal"
        return self._finished(Response(to_json(document), status=status, content_type=content_type))

    def text(self, text: str) -> Response:
        """Return a plain value, as $count does."""
        return self._finished(Response(text, content_type="text/plain"))

    def empty(self, status: int = 204, *, entity_id: str | None = None) -> Response:
        """Return an answer without a body, naming the row it is about."""
        response = Response(status=status)
        del response.headers["Content-Type"]
        if entity_id:
            response.headers["OData-EntityId"] = entity_id
            response.headers["Location"] = entity_id
        return self._finished(response)

    def _finished(self, response: Response) -> Response:
        if self.prefer.applied:
            response.headers["Preference-Applied"] = ",".join(self.prefer.applied)
        return response


def decorate(response: Response) -> Response:
    """Add what every answer carries; the cookie pins a client that keeps it to one server (reference, A.10)."""
    response.headers["OData-Version"] = "4.0"
    response.headers["x-ms-service-request-id"] = str(uuid.uuid4())
    response.headers["REQ_ID"] = str(uuid.uuid4())
    response.set_cookie(_AFFINITY, "node-1", secure=True, httponly=True)
    return response


def refusal(error: RefusedError) -> Response:
    """Return the platform's error document."""
    document = {"error": {"code": error.code, "message": error.message}}
    response = Response(to_json(document), status=error.status, content_type="application/json; odata.metadata=minimal")
    response.headers.extend(error.headers)
    return response


def unauthorized(*, html: bool) -> Response:
    """Return the platform's 401, which has no JSON body."""
    body = "<html><body><h1>401 - Unauthorized</h1></body></html>" if html else ""
    response = Response(body, status=401, content_type="text/html")
    response.headers["WWW-Authenticate"] = "Bearer authorization_uri=https://login.microsoftonline.com/common"
    return response

"""The blob host from which receivers fetch the signing certificate, and where its authorities publish theirs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug import Request, Response

from tools.simulators.certificates import DISPATCH_HOST, WebhookSigner
from tools.simulators.partner_center.delivery import Deliverer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class CertificateHost:
    """Serves the current leaf, DER; under `foreign/` the forger's."""

    def __init__(self, signer: WebhookSigner, deliverer: Deliverer) -> None:
        self._signer = signer
        self._deliverer = deliverer

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.method != "GET":
            return Response(status=405)
        match request.path:
            case path if path == f"/cert/{DISPATCH_HOST}.cer":
                signer = self._signer
            case path if path == f"/cert/foreign/{DISPATCH_HOST}.cer":
                signer = self._deliverer.foreign_signer
            case _:
                return Response("<Error><Code>BlobNotFound</Code></Error>", 404, mimetype="application/xml")
        return Response(signer.leaf_der, mimetype="application/octet-stream")


class IssuerHost:
    """Serves the certificates of the signer's authorities, as a PKI site does: over plain http, to anybody."""

    def __init__(self, signer: WebhookSigner, deliverer: Deliverer) -> None:
        self._signer = signer
        self._deliverer = deliverer

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.method != "GET":
            return Response(status=405)
        path = request.path.removeprefix("/foreign")
        signer = self._signer if path == request.path else self._deliverer.foreign_signer
        content = signer.issuers.get(path)
        if content is None:
            return Response("not found", 404)
        return Response(content, mimetype="application/pkix-cert")

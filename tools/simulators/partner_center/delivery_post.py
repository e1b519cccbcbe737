"""The wire side of a delivery: signature headers and the POST itself."""

from __future__ import annotations

import base64
import http.client
import ssl
from urllib.parse import urlsplit

from tools.simulators.certificates import DISPATCH_HOST, WebhookSigner
from tools.simulators.partner_center.delivery_model import Delivery, DeliveryModes, HeaderStyle


def signed_headers(
    delivery: Delivery, modes: DeliveryModes, signer: WebhookSigner, certificate_host: str
) -> dict[str, str]:
    """Return the headers of a delivery; the signature covers exactly the body's bytes."""
    signature = base64.b64encode(signer.sign(delivery.body + b" " * modes.wrong_signature)).decode()
    folder = "foreign/" if modes.foreign_certificate else ""
    return {
        "Content-Type": "application/json",
        "X-MS-Certificate-Url": modes.certificate_url or f"{certificate_host}/cert/{folder}{DISPATCH_HOST}.cer",
        "X-MS-Signature-Algorithm": "rsa-sha256",
        **_signature_header(modes.header_style, signature, own_header=delivery.signature_in_own_header),
    }


def _signature_header(style: HeaderStyle, signature: str, *, own_header: bool) -> dict[str, str]:
    if style == "registered":
        style = "x-ms-signature" if own_header else "authorization"
    match style:
        case "x-ms-signature":
            return {"x-ms-signature": f"Signature {signature}"}
        case "x-ms-signature-bare":
            return {"x-ms-signature": signature}
        case _:
            return {"Authorization": f"Signature {signature}"}


def post(url: str, body: bytes, headers: dict[str, str], timeout: float) -> int:
    """POST without following redirects; a receiver on loopback needs no certificate that anybody trusts."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        if host in {"localhost", "127.0.0.1", "::1"}:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()

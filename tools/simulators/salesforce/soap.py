"""SOAP login(), which no longer signs anybody in: off in new orgs, and not offered from API 65.0 on."""

from __future__ import annotations

import re

from werkzeug.wrappers import Response

_PATH = re.compile(r"/services/Soap/[uc]/(?P<version>\d+\.\d)(?:/.*)?")
_WITHOUT_LOGIN = 65.0
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope'
    ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="urn:fault.partner.soap.sforce.com">'
    "<soapenv:Body><soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {text}</faultstring>"
    "<detail><sf:LoginFault><sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>{text}"
    "</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
)


def is_soap(path: str) -> bool:
    """Tell whether the path is a SOAP endpoint."""
    return _PATH.fullmatch(path) is not None


def refuse_login(path: str) -> Response:
    """Return the fault that answers a login."""
    match = _PATH.fullmatch(path)
    version = float(match["version"]) if match else 0.0
    code, text = "INVALID_OPERATION", "SOAP API login() is disabled by default in this org."
    if version >= _WITHOUT_LOGIN:
        code, text = "UNKNOWN_EXCEPTION", f"SOAP API login() is not available in API version {version}."
    return Response(_ENVELOPE.format(code=code, text=text), 500, content_type="text/xml;charset=UTF-8")

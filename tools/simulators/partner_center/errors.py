"""Refusals, in the shape of the response-code page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """An HTTP refusal with Partner Center's error body."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        inner_code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.target = target
        self.inner_code = inner_code
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Return `{"error": {code, message, target, innerError}}`."""
        error: dict[str, Any] = {"code": self.code, "message": str(self), "target": self.target}
        if self.inner_code:
            error["innerError"] = {"code": self.inner_code, "message": str(self), "details": None}
        return {"error": error}


def invalid(target: str, message: str) -> ApiError:
    """400: a request that breaks a rule of the resource; `target` names the field."""
    return ApiError(400, "invalidRequest", f"{target}: {message}", target=target)


def not_found(what: str) -> ApiError:
    """404."""
    return ApiError(404, "itemNotFound", f"{what} was not found.")


def precondition_failed() -> ApiError:
    """412 with the inner code 99918 that was observed in the wild (microsoft/Partner-Center-Referrals#4)."""
    return ApiError(
        412,
        "preconditionFailed",
        "The eTag in If-Match is not the current one.",
        target="ETag",
        inner_code="99918",
    )

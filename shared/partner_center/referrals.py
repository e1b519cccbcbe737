"""The referrals client: https://api.partner.microsoft.com/v1.0/engagements (get-a-referral-by-id and its siblings)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlencode, urlsplit

from shared.clock import Clock
from shared.errors import (
    AccessDenied,
    CosellError,
    DataError,
    GoneError,
    ServiceUnavailable,
    VersionMismatch,
)
from shared.http import Response, Service, retry_after
from shared.partner_center.port import Engagement, Operation, Referral
from shared.partner_center.targets import field_at, without_target
from shared.printable import first_line
from shared.problems import problem
from shared.telemetry import correlation_id


def headers_for_partner_center() -> dict[str, str]:
    """Return the correlation headers Partner Center knows (developer/headers)."""
    return {"MS-CorrelationId": correlation_id()}


class ReferralsClient:
    """Implements PartnerCenter over HTTP."""

    def __init__(self, service: Service, base_url: str, clock: Clock) -> None:
        self._service = service
        self._list_url = f"{base_url.rstrip('/')}/referrals"
        self._clock = clock

    def now(self) -> datetime:
        """Return Partner Center's time, from the Date header of the smallest list there is."""
        answer = self._service.call("GET", self._query({"$top": "1", "$select": "id"}))
        date = answer.headers.get("date")
        return parsedate_to_datetime(date).astimezone(UTC) if date else self._clock.now()

    def read(self, referral_id: str) -> Referral:
        """Return one referral."""
        return _referral(self._service.call("GET", self._url(referral_id)))

    def changed_since(self, moment: datetime) -> Iterator[Referral]:
        """Return referrals changed at or after `moment`, oldest change first."""
        since = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self._list({"$filter": f"updatedDateTime ge {since}", "$orderby": "updatedDateTime asc"})

    def newest(self) -> Referral | None:
        """Return the referral that changed last."""
        return next(self._list({"$orderby": "updatedDateTime desc", "$top": "1"}), None)

    def undecided(self) -> Iterator[Referral]:
        """Return referrals with status New."""
        return self._list({"$filter": "status eq 'New'"})

    def engagement(self, engagement_id: str) -> Engagement:
        """Return the rows of one engagement; the id is written as the service's own links write it, unquoted."""
        return Engagement(tuple(self._list({"$filter": f"engagementId eq {_guid(engagement_id, 'engagement_id')}"})))

    def create(self, body: Mapping[str, object]) -> Referral:
        """Create a referral; the service answers 200 or 201 with the entity."""
        return _referral(self._service.call("POST", self._list_url, content=body, repeatable=False))

    def update(self, referral_id: str, operations: Iterable[Operation], version: str) -> Referral:
        """Patch a referral under If-Match; the eTag goes out exactly as it came in, inner quotes included."""
        headers = {"If-Match": version, "Prefer": "return=representation"}
        content = [dict(operation) for operation in operations]
        answer = self._service.call("PATCH", self._url(referral_id), headers=headers, content=content)
        # 204 is what the service answers when it does not honour the preference.
        return self.read(referral_id) if answer.status == 204 else _referral(answer)

    def _url(self, referral_id: str) -> str:
        # The id may come from a webhook; anything but a GUID must not reach the path.
        return f"{self._list_url}/{_guid(referral_id, 'referral_identifier')}"

    def _query(self, options: Mapping[str, str]) -> str:
        return f"{self._list_url}?{urlencode(options)}"

    def _list(self, options: Mapping[str, str]) -> Iterator[Referral]:
        url: str | None = self._query(options)
        while url:
            page = self._service.call("GET", url).json()
            if not isinstance(page, dict):
                raise ServiceUnavailable("Partner Center answered a list with something else")
            rows = page.get("value") or ()
            if not isinstance(rows, (list, tuple)) or not all(isinstance(row, dict) for row in rows):
                raise ServiceUnavailable("Partner Center answered a list of something else")
            for body in rows:
                yield Referral(body)
            url = self._next(page.get("@odata.nextLink"))

    def _next(self, link: object) -> str | None:
        """Return the next page's URL, always on our own list URL.

        The documented sample is plain http and lacks the /engagements segment, and a token must never follow a link
        to another host: so only its $skiptoken is used, or its $skip.
        """
        if not isinstance(link, str):
            return None
        try:
            query = parse_qs(urlsplit(link).query)
        except ValueError:
            raise ServiceUnavailable("Partner Center's next page is no URL") from None
        for name in ("$skiptoken", "$skipToken"):
            if name in query:
                return self._query({"$skiptoken": query[name][0]})
        if "$skip" in query:
            return self._query({name: values[0] for name, values in query.items()})
        raise ServiceUnavailable("Partner Center's next page carries no $skiptoken")


def _guid(text: str, field: str) -> str:
    """Return an id in its usual spelling. Raises DataError: it may be what a person typed."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise DataError(problem("identifier.malformed", field, id=text)) from None


def _referral(answer: Response) -> Referral:
    body = answer.json()
    if not isinstance(body, dict) or "id" not in body:
        raise ServiceUnavailable("Partner Center answered without a referral")
    if not body.get("eTag") and answer.headers.get("etag"):
        body["eTag"] = answer.headers["etag"]
    return Referral(body)


def classifier(clock: Clock) -> Callable[[Response], CosellError]:
    """Return the reading of Partner Center's error answers (developer/error-codes)."""

    def classify(response: Response) -> CosellError:
        code, message, target = _error(response)
        return read(response, code, message, target).with_remote(code, response.headers.get("request-id", ""))

    def read(response: Response, code: str, message: str, target: str) -> CosellError:
        if response.status == 403:
            return AccessDenied(f"Partner Center: {code or 'accessDenied'}; the service user needs a Referrals role")
        if response.status in (404, 410):
            return GoneError("the referral no longer exists in Partner Center, or is not ours to see")
        if response.status in (409, 412):
            return VersionMismatch(f"Partner Center: {code or 'preconditionFailed'}")
        if response.status < 500:
            words = without_target(message, target) or code or response.status
            return DataError(problem("partner_center.refused", field_at(target), message=words))
        return ServiceUnavailable(
            f"Partner Center answered {response.status}", retry_after=retry_after(response, clock)
        )

    return classify


def _error(response: Response) -> tuple[str, str, str]:
    """Return code, message and target of `{"error": {...}}`, empty where absent."""
    content = response.json()
    error = content.get("error") if isinstance(content, dict) else None
    if not isinstance(error, dict):
        return "", "", ""
    return str(error.get("code") or ""), first_line(str(error.get("message") or "")), str(error.get("target") or "")

"""One call, alone or inside a composite request, and its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, unquote

from tools.simulators.salesforce.duplicates import DuplicateOptions
from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.fields import SObjectType
from tools.simulators.salesforce.org import Caller, Org
from tools.simulators.salesforce.writes import Writer

_UNREAD = object()


@dataclass(frozen=True)
class Answer:
    """What a call is answered: a JSON document, or no body when it is None."""

    status: int
    document: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A call below `/services/data/vNN.0/`. Segments of the path are decoded one by one, as a server does.

    `headers` have lower-case names. `body` is the raw body; a call inside a composite request brings its `document`.
    """

    org: Org
    caller: Caller
    version: str
    method: str
    segments: tuple[str, ...]
    args: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    document: object = _UNREAD

    @classmethod
    def split(cls, target: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return the decoded segments and the query options of a raw path; a plus sign in a segment is a plus sign."""
        path, _, query = target.partition("?")
        segments = tuple(unquote(part) for part in path.strip("/").split("/"))
        return segments, dict(parse_qsl(query, keep_blank_values=True))

    @property
    def root(self) -> str:
        """The version's path."""
        return f"/services/data/v{self.version}"

    def writer(self) -> Writer:
        """Return what applies this call's changes."""
        options = DuplicateOptions.parse(self.headers.get("sforce-duplicate-rule-header", ""), self.version)
        return Writer(self.org, self.caller, options)

    def sobject(self, name: str) -> SObjectType:
        """Return an object type that the path names, or refuse with 404."""
        sobject = self.org.sobject(name)
        if sobject is None or not self.org.may(self.caller, sobject, "Read"):
            raise RefusedError(Rule.NO_RESOURCE)
        return sobject

    def json(self) -> object:
        """Return the JSON that was sent, with exact numbers; refuses other content."""
        if self.document is not _UNREAD:
            return self.document
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind != "application/json":
            raise RefusedError(Rule.NOT_JSON, type=kind)
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=_refuse_constant)
        except ValueError as error:
            raise RefusedError(Rule.JSON_PARSER, detail=str(error)) from None

    def json_object(self) -> dict[str, object]:
        """Return the JSON object that was sent."""
        document = self.json()
        if not isinstance(document, dict):
            detail = "The JSON document has to be an object."
            raise RefusedError(Rule.JSON_PARSER, detail=detail)
        return document

    def flag(self, name: str) -> bool:
        """Return a query option that is true or false."""
        return self.args.get(name, "false").lower() == "true"

    def unmodified_since(self) -> datetime | None:
        """Return the moment of `If-Unmodified-Since`, or refuse one that is no HTTP date."""
        given = self.headers.get("if-unmodified-since")
        if given is None:
            return None
        try:
            moment = parsedate_to_datetime(given)
        except ValueError:
            raise RefusedError(Rule.BAD_HEADER, header="If-Unmodified-Since", value=given) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"Unexpected token: {name} is no JSON")

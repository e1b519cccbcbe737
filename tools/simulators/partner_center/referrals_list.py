"""GET /referrals: the query options, paging, and the continuation links."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug import Request

from tools.simulators.partner_center.errors import invalid
from tools.simulators.partner_center.odata import parse_filter, parse_orderby, parse_select
from tools.simulators.partner_center.quirks import Quirks
from tools.simulators.partner_center.rendering import render
from tools.simulators.partner_center.schema import Document
from tools.simulators.partner_center.store import ReferralStore, empty_document, parse_moment

_OPTIONS = frozenset({"$filter", "$orderby", "$select", "$top", "$skip", "$count", "$expand", "$skiptoken"})
_CONTEXT = "http://api.partner.microsoft.com/v1.0/$metadata#Referrals"
_TOKENS_KEPT = 1000


@dataclass(frozen=True)
class _Remainder:
    """What a `$skiptoken` stands for: the ids still to come, fixed when the query ran, and how to show them."""

    ids: tuple[str, ...]
    select: tuple[str, ...]
    count: int | None


class ReferralList:
    """Answers list queries; remembers continuations."""

    def __init__(self, store: ReferralStore, quirks: Quirks) -> None:
        self._store = store
        self._quirks = quirks
        self._remainders: OrderedDict[str, _Remainder] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, request: Request) -> dict[str, Any]:
        """Return the page that the request asks for."""
        options = request.args
        for name in options:
            if name.startswith("$") and name not in _OPTIONS:
                raise invalid(name, "is not supported.")
        token = options.get("$skiptoken")
        remainder = self._query(options) if token is None else self._recall(token)
        return self._page(remainder, request.host)

    def _query(self, options: Mapping[str, str]) -> _Remainder:
        rows = self._filtered(options.get("$filter"))
        if "$orderby" in options:
            name, descending = parse_orderby(options["$orderby"])
            rows.sort(key=lambda row: parse_moment(row[name]), reverse=descending)
        counted = self._quirks.count_always or options.get("$count", "").casefold() == "true"
        count = len(rows) if counted else None
        skip = _number(options, "$skip", 0)
        rows = rows[skip : skip + _number(options, "$top", len(rows))]
        select = parse_select(options["$select"], self._known()) if "$select" in options else []
        return _Remainder(tuple(row["id"] for row in rows), tuple(select), count)

    def _filtered(self, text: str | None) -> list[Document]:
        rows = self._store.view()
        if text is None:
            return [row for row in rows if self._store.is_ours(row)]
        condition = parse_filter(text)
        return [row for row in rows if condition.matches(row) and (condition.by_engagement or self._store.is_ours(row))]

    def _known(self) -> list[str]:
        rows = self._store.view()
        return [*(rows[0] if rows else empty_document()), "id", "eTag", "createdDateTime", "updatedDateTime", "links"]

    def _page(self, remainder: _Remainder, host: str) -> dict[str, Any]:
        size = self._quirks.page_size
        rows = (self._store.get(referral_id) for referral_id in remainder.ids[:size])
        body: dict[str, Any] = {"@odata.context": _CONTEXT}
        if remainder.count is not None:
            body["@odata.count"] = remainder.count
        body["value"] = [_project(render(row, self._quirks), remainder.select) for row in rows if row is not None]
        if len(remainder.ids) > size:
            rest = _Remainder(remainder.ids[size:], remainder.select, remainder.count)
            body["@odata.nextLink"] = self._link(self._remember(rest), host)
        return body

    def _link(self, token: str, host: str) -> str:
        if self._quirks.broken_next_link:
            return f"http://{host}/v1.0/referrals?$skiptoken={token}"
        return f"https://{host}/v1.0/engagements/referrals?$skiptoken={token}"

    def _remember(self, remainder: _Remainder) -> str:
        token = secrets.token_urlsafe(16)
        with self._lock:
            self._remainders[token] = remainder
            while len(self._remainders) > _TOKENS_KEPT:
                self._remainders.popitem(last=False)
        return token

    def _recall(self, token: str) -> _Remainder:
        with self._lock:
            remainder = self._remainders.get(token)
        if remainder is None:
            raise invalid("$skiptoken", "is not valid.")
        return remainder


def _project(row: Document, select: tuple[str, ...]) -> Document:
    return {name: row[name] for name in select if name in row} if select else row


def _number(options: Mapping[str, str], name: str, default: int) -> int:
    text = options.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise invalid(name, "must be a non-negative integer.")
    return int(text)

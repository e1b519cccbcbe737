"""The query resources: pages behind opaque cursors that live for two days."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tools.simulators.salesforce.cursors import Cursor, Row
from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.exchange import Answer, Call
from tools.simulators.salesforce.soql import parse
from tools.simulators.salesforce.soql_fields import Source
from tools.simulators.salesforce.soql_run import QueryRunner

DEFAULT_BATCH, MIN_BATCH = 2000, 200
_OPTION = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class QueryResource:
    """`/query`, `/queryAll` and their following pages."""

    call: Call
    source: Source
    path: str
    deleted: bool = False

    def run(self) -> Answer:
        """GET ?q=..."""
        text = self.call.args.get("q", "")
        if not text.strip():
            raise RefusedError(Rule.MALFORMED_QUERY, detail="unexpected token: <EOF>")
        runner = QueryRunner(self.call.org, self.call.caller, self.source, self.call.root, deleted=self.deleted)
        rows = runner.run(parse(text))
        if isinstance(rows, int):
            return Answer(200, {"totalSize": rows, "done": True, "records": []})
        return self._page(rows, 0, None)

    def follow(self, locator: str) -> Answer:
        """GET the page that a nextRecordsUrl names."""
        name, cursor, offset = self.call.org.cursors.find(locator, self.call.org.now())
        if cursor.session != self.call.caller.session and self.call.org.quirks.cursor_of_another_session != "served":
            lost = self.call.org.quirks.cursor_of_another_session == "session error"
            raise RefusedError(Rule.SESSION if lost else Rule.BAD_LOCATOR)
        return self._page(cursor.rows, offset, name)

    def _page(self, rows: list[Row], offset: int, cursor: str | None) -> Answer:
        end = offset + self._batch_size()
        page: Row = {"totalSize": len(rows), "done": end >= len(rows), "records": rows[offset:end]}
        if end < len(rows):
            name = cursor or self.call.org.cursors.keep(
                Cursor(rows, self.path, self.call.org.now(), self.call.caller.session)
            )
            page["nextRecordsUrl"] = f"{self.call.root}/{self.path}/{name}-{end}"
        return Answer(200, page)

    def _batch_size(self) -> int:
        """Return the page size: what the header hints at, within limits; or what the platform prefers."""
        header = self.call.headers.get("sforce-query-options")
        match = _OPTION.search(header) if header else None
        if header and match is None:
            raise RefusedError(Rule.BAD_HEADER, header="Sforce-Query-Options", value=header)
        wanted = int(match[1]) if match else DEFAULT_BATCH
        return self.call.org.quirks.batch_size or min(max(wanted, MIN_BATCH), DEFAULT_BATCH)

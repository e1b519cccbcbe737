"""The `Prefer` header: what was asked for, and which of it was honoured."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PREFERENCE = re.compile(r'\s*([\w.\-]+)\s*(?:=\s*("[^"]*"|[^",\s]+))?\s*(?:,|$)')


@dataclass
class Preferences:
    """The preferences of one request. Reading one through a method marks it as applied."""

    values: dict[str, str]
    applied: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, header: str) -> Preferences:
        """Read a header that may join several preferences by commas."""
        return cls({name.lower(): value.strip('"') for name, value in _PREFERENCE.findall(header)})

    def wants_representation(self) -> bool:
        """Whether a write is to return the row."""
        return self.values.get("return") == "representation" and self._apply("return=representation")

    def tracks_changes(self) -> bool:
        """Whether a read is to start a sequence of changes."""
        return "odata.track-changes" in self.values and self._apply("odata.track-changes")

    def page_size(self, limit: int) -> int:
        """Return the wanted page size within the platform's limit."""
        wanted = self.values.get("odata.maxpagesize", "")
        if not wanted.isdigit() or int(wanted) == 0:
            return limit
        self._apply(f"odata.maxpagesize={wanted}")
        return min(int(wanted), limit)

    def limits_pages(self) -> bool:
        """Whether a page size was asked for."""
        return "odata.maxpagesize" in self.values

    def annotations(self) -> tuple[str, ...]:
        """Return the patterns of annotation names to include."""
        wanted = self.values.get("odata.include-annotations")
        if wanted is None:
            return ()
        self._apply(f'odata.include-annotations="{wanted}"')
        return tuple(part.strip() for part in wanted.split(",") if part.strip())

    def _apply(self, text: str) -> bool:
        if text not in self.applied:
            self.applied.append(text)
        return True

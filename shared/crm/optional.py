"""Columns that a table may lack: an installation whose CRM was set up before the app knew them goes on working."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TypeVar

from shared.crm.around import Columns
from shared.errors import SchemaMismatch
from shared.mapping.field_map import FieldMap

T = TypeVar("T")

log = logging.getLogger(__name__)


class OptionalColumns:
    """Knows which optional columns of a mapping the CRM's table lacks, or hides, as soon as the CRM refused them.

    They are asked for again when the app starts anew: after `provision` has made them, say.
    """

    def __init__(self, field_map: FieldMap) -> None:
        self._names = frozenset(field_map.optional_columns)
        self._lacking: frozenset[str] = frozenset()

    def attempt(self, call: Callable[[], T]) -> T:
        """Return what `call` returns; it is called again without each optional column that the CRM refused by name.

        Raises whatever else it raises.
        """
        while True:
            try:
                return call()
            except SchemaMismatch as error:
                refused = {
                    each for each in self._names - self._lacking if re.search(rf"\b{each}\b", str(error), re.IGNORECASE)
                }
                if not refused:
                    raise
            self._lacking |= refused
            log.warning("the CRM lacks optional columns, which are left out: %s", ", ".join(sorted(refused)))

    def there(self, column: str | None) -> str | None:
        """Return a column that may be named to the CRM; None for one that it lacks."""
        return None if column in self._lacking else column

    def content(self, columns: Columns) -> Columns:
        """Return what may be written."""
        if not self._lacking:
            return columns
        return {name: value for name, value in columns.items() if name not in self._lacking}

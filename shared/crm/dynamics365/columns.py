"""Which columns of which tables are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shared.mapping.field_map import FieldMap
from shared.mapping.rows import CompiledRow


def columns_by_table(field_map: FieldMap, of_record: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return what is read of each table."""
    rows = {"account": field_map.account, "contact": field_map.contact, "systemuser": field_map.owner}
    related = {table: frozenset(column_names(of_table)) for table, of_table in rows.items()}
    return {field_map.table: frozenset(of_record), **({} if field_map.is_lead else related)}


def column_names(rows: Iterable[CompiledRow]) -> Iterator[str]:
    """Yield every column that the rows read."""
    for row in rows:
        yield from (name for name in (row.pair.column, row.pair.fallback_column) if name)

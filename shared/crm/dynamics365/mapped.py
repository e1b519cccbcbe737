"""The mapped columns of one row beside a record."""

from __future__ import annotations

from collections.abc import Iterable

from shared.crm.around import Columns
from shared.crm.dynamics365.api import DataverseApi
from shared.crm.dynamics365.columns import column_names
from shared.errors import GoneError
from shared.mapping.rows import CompiledRow


def mapped_row(
    api: DataverseApi, entity_set: str, row_id: object, rows: Iterable[CompiledRow], more: str = ""
) -> Columns | None:
    """Read the mapped columns of a row, and one more; None when there is none (an owner may also be a team)."""
    if not row_id:
        return None
    select = ",".join(dict.fromkeys([*column_names(rows), *([more] if more else [])]))
    try:
        return api.get(f"{entity_set}({row_id})", {"$select": select})
    except GoneError:
        return None

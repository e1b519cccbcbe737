"""Behaviour that public sources leave open, or that differs between environments: switches with strict defaults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_EVEN
from typing import Literal


@dataclass(frozen=True)
class Quirks:
    """How the simulated environment behaves where the vendor's documentation does not say.

    `html_401`: a refused token is answered with an HTML page instead of an empty body.
    `empty_412_code`: the stale-version refusal has an empty error code, as in the documented sample.
    `expired_token_status`: the HTTP status that carries the expired change-tracking token (0x80044352).
    `metadata_change_voids_tokens`: a new column or key expires every change-tracking token of its table.
    `annotations_drop_delta_link`: a tracked read with annotations ends without a delta link (documentation issue 439).
    `lose_changes_during_first_load`: the first delta token is taken after the last page, not before the first.
    `read_only_columns`: whether a write to a column that is not valid for it is refused or silently ignored.
    `application_required`: `table.column` of ApplicationRequired columns that the API insists on nevertheless.
    `owner_is_principal`: `$expand=ownerid` knows only the columns of `principal`; a user's are behind `owninguser`.
    `customer_follows_parent`: an opportunity without a customer takes its parent account, else its parent contact.
    `column_delay`, `key_delay`: how long a new column stays unknown, and how long a key's index is being built.
    `missing_bind_status`: the HTTP status for a bind to a row that does not exist.
    `max_page_size`: the platform's limit, 5,000 for standard tables.
    `money_rounding`: how an amount is cut to its column's precision (a rounding mode of `decimal`).
    """

    html_401: bool = False
    empty_412_code: bool = False
    expired_token_status: Literal[400, 404, 410] = 400
    metadata_change_voids_tokens: bool = True
    annotations_drop_delta_link: bool = True
    lose_changes_during_first_load: bool = False
    read_only_columns: Literal["refuse", "ignore"] = "refuse"
    application_required: frozenset[str] = frozenset({"opportunity.name"})
    owner_is_principal: bool = True
    customer_follows_parent: bool = True
    column_delay: timedelta = timedelta(seconds=3)
    key_delay: timedelta = timedelta(seconds=10)
    missing_bind_status: Literal[400, 404] = 404
    max_page_size: int = 5000
    money_rounding: str = ROUND_HALF_EVEN

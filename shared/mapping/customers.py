"""What a mapping file says of customers whose account is spelled otherwise than their referral."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.mapping.strict import Strict


class Spelling(Strict):
    """When an account that does not equal a referral's customer is used all the same (shared.mapping.likeness)."""

    alike: Annotated[int, Field(ge=60, le=100)] | Literal["never"] = Field(
        90,
        description="Where no account is equal: the score from which one spelled otherwise is used, or never.",
    )
    duns: str | None = Field(None, description="Column with the account's D-U-N-S number, if there is one.")
    website: str | None = Field(None, description="Column with the account's web site, if there is one.")

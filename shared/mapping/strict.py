"""What every part of a mapping file has in common: unknown keys are mistakes, and nothing changes once it is read."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A part of the mapping file."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

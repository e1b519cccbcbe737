"""Where findings about leads stand: the section `lead`, in its own words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from shared.mapping.check.findings import Finding
from shared.mapping.model import LeadSection
from shared.mapping.sections import LEAD_STAGES


def of_lead(found: Iterable[Finding], section: LeadSection) -> Iterator[Finding]:
    """Yield the findings in what is a lead's own, as they are in its section; an open lead stands for two stages."""
    for each in found:
        part, *rest = each.place or ("",)
        if part not in LeadSection.model_fields or rest[:1] == ["active"]:
            continue
        if part == "owner_rules" and section.owner_rules is None:
            continue  # The file's own, which are looked at with the opportunities.
        if part == "status" and rest:
            rest[0] = LEAD_STAGES.get(str(rest[0]), rest[0])
        yield replace(each, field=f"lead.{each.field}", place=("lead", part, *rest))

"""The base that a link is given: values, and the rows of the mapping through which they were agreed."""

from __future__ import annotations

from dataclasses import replace

from shared.deal import Fields
from shared.link import Link
from shared.mapping.field_map import FieldMap


def with_base(link: Link, base: Fields, field_map: FieldMap) -> Link:
    """Return the link with a base agreed through today's mapping."""
    today = field_map.fingerprints
    fingerprints = {name: today.get(name) or link.fingerprints.get(name, "") for name in base}
    return replace(link, base=dict(base), fingerprints=fingerprints, mapping_version=field_map.version)

"""One entry of a list of objects, such as an attribute or a customer's id: found by its type, the others stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.deal import Value
from shared.mapping.codecs.codec import Codec, Json
from shared.mapping.unreadable import UnreadableValue

ENTRIES = {
    "details.requirements.additionalRequirements.attributes": "type",
    "customerProfile.ids": "profileType",
}
"""The lists whose entries are `{type, id}` objects, and the member that holds the type (referral-resources)."""


def entry(of_type: str, member: str, of_id: Codec) -> Codec:
    """The id of the list's entry of a type, spelled by another codec. Types are known in any case.

    Whatever else the list holds survives a write, and so does what Partner Center keeps with the entry itself.
    """

    def is_ours(item: Json) -> bool:
        return isinstance(item, Mapping) and str(item.get(member) or "").casefold() == of_type.casefold()

    def from_referral(value: Json) -> Value:
        if value is None or value == {}:  # An old sample of the documentation has an object where the list belongs.
            return of_id.from_referral(None)
        if not isinstance(value, list):
            raise UnreadableValue("value.not_a_list")
        return of_id.from_referral(next((item.get("id") for item in value if is_ours(item)), None))

    def to_referral(value: Value, source: Json) -> Json:
        items = source if isinstance(source, list) else []
        held: Mapping[str, Json] = next((item for item in items if is_ours(item)), {})
        wire = of_id.to_referral(value, held.get("id"))
        kept = [item for item in items if not is_ours(item)]
        return kept if wire in (None, "") else [*kept, {**held, member: held.get(member) or of_type, "id": wire}]

    return replace(of_id, from_referral=from_referral, to_referral=to_referral, needs_source=True)

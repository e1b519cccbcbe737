"""How a new field is described to Salesforce, and what an existing one says (api_meta: CustomField)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from shared.crm.salesforce.api import JsonObject
from shared.mapping.check.needs import Need
from shared.mapping.check.tables import Column, Key, Kind, Option
from tools.admin.labels import label_of

Json = dict[str, object]

_CUSTOM_NAME = re.compile(r"(?=.{1,43}$)[A-Za-z](?:_?[A-Za-z0-9])*__c")
"""Up to 40 characters without two underscores in a row, then __c. A package's field has its namespace in front."""

_TEXT_SIZE, _LONG_SIZE, _SHORTEST_LONG, _LONGEST = 100, 32_768, 256, 131_072
"""Characters of fields for which the mapping file sets no limit, and what a long text area can have."""

_DESCRIPTION = "Co-sell synchronization with Microsoft Partner Center"


def can_make(need: Need) -> bool:
    """Whether a field of this name and type can be made at all."""
    return _kind(need) is not None and (need.size or 0) <= _LONGEST and _CUSTOM_NAME.fullmatch(need.column) is not None


def type_of(need: Need) -> str:
    """Return the type that is made, in Salesforce's words."""
    body = field_body("", need)["Metadata"]
    assert isinstance(body, dict)  # noqa: S101 - made below
    size = f" {body['length']}" if "length" in body else ""
    values = f", restricted to {len(need.values)} values" if "valueSet" in body else ""
    unique = ", external id, unique" if body.get("unique") else ""
    return f"{_TITLES.get(str(body['type']), body['type'])}{size}{values}{unique}"


def field_body(table: str, need: Need) -> Json:
    """Return the definition of a new field."""
    kind = _kind(need)
    if kind is None:
        raise ValueError(f"{need.column} cannot be made")
    facts = {"label": label_of(need)[:40], "description": _DESCRIPTION, **_BY_KIND[kind](need)}
    return {"FullName": f"{table}.{need.column}", "Metadata": facts}


def as_column(name: str, definition: JsonObject, need: Need | None) -> Column:
    """Return what a field is that nobody was granted yet, from its definition."""
    kind = _KINDS.get(str(definition.get("type")), Kind.OTHER)
    length, digits = definition.get("length") or _LENGTHS.get(str(definition.get("type"))), definition.get("scale")
    return Column(
        name,
        kind,
        length=length if isinstance(length, int) else None,
        digits=digits if isinstance(digits, int) and kind in (Kind.MONEY, Kind.DECIMAL) else None,
        options=_options(definition, need) if kind is Kind.CHOICE else (),
    )


def as_key(name: str, definition: JsonObject) -> Key:
    """Return whether records can be told apart by a field."""
    both = definition.get("externalId") is True and definition.get("unique") is True
    return Key((name,), "Active" if both else "not both External ID and Unique", both)


def _kind(need: Need) -> Kind | None:
    """Return what is made of the kinds that are acceptable. Words with a code each become a picklist."""
    if need.values and Kind.CHOICE in need.kinds:
        return Kind.CHOICE if all(isinstance(value, str) for value, _ in need.values) else None
    return next((kind for kind in need.kinds if kind in _BY_KIND and kind is not Kind.CHOICE), None)


def _text(need: Need) -> Json:
    if need.field == "columns.referral_link":
        return {"type": "Url"}
    facts: Json = {"type": "Text", "length": need.size or _TEXT_SIZE}
    if need.field == "columns.referral_identifier":
        facts |= {"externalId": True, "unique": True, "caseSensitive": False}
    return facts


def _long(need: Need) -> Json:
    return {"type": "LongTextArea", "length": max(need.size or _LONG_SIZE, _SHORTEST_LONG), "visibleLines": 6}


def _number(kind: str) -> Callable[[Need], Json]:
    def facts(need: Need) -> Json:
        return {"type": kind, "precision": 18, "scale": 2 if need.digits is None else need.digits}

    return facts


def _picklist(need: Need) -> Json:
    values = [{"valueName": value, "label": value, "default": False} for value, _ in need.values]
    return {
        "type": "Picklist",
        "valueSet": {"restricted": True, "valueSetDefinition": {"sorted": False, "value": values}},
    }


_BY_KIND: Mapping[Kind, Callable[[Need], Json]] = {
    Kind.TEXT: _text,
    Kind.MEMO: _long,
    Kind.MONEY: _number("Currency"),
    Kind.DECIMAL: _number("Number"),
    Kind.DAY: lambda _: {"type": "Date"},
    Kind.YES_NO: lambda _: {"type": "Checkbox", "defaultValue": "false"},
    Kind.CHOICE: _picklist,
}

_TITLES = {"LongTextArea": "Long Text Area", "Url": "URL"}

_KINDS = {
    **dict.fromkeys(("Text", "Url", "Email", "Phone"), Kind.TEXT),
    **dict.fromkeys(("TextArea", "LongTextArea", "Html"), Kind.MEMO),
    **dict.fromkeys(("Number", "Percent"), Kind.DECIMAL),
    "Currency": Kind.MONEY,
    "Checkbox": Kind.YES_NO,
    "Date": Kind.DAY,
    "DateTime": Kind.MOMENT,
    "Picklist": Kind.CHOICE,
    "Lookup": Kind.LOOKUP,
}
_LENGTHS = {"Url": 255, "TextArea": 255, "Email": 80, "Phone": 40}


def _options(definition: JsonObject, need: Need | None) -> tuple[Option, ...]:
    """Return a picklist's own values. Those of a global value set are not told here, and are taken to be right."""
    value_set = definition.get("valueSet")
    own = value_set.get("valueSetDefinition") if isinstance(value_set, Mapping) else None
    if not isinstance(own, Mapping):
        return tuple(Option(str(value), str(value)) for value, _ in (need.values if need else ()))
    names = [each.get("valueName") or each.get("fullName") for each in own.get("value") or () if each]
    return tuple(Option(str(name), str(name)) for name in names)

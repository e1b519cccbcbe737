"""Reads the definition of a custom field as the Metadata and Tooling APIs take it, and refuses what they refuse.

Source: CustomField of the Metadata API developer guide: which properties a type needs and which it may not have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.fields import Field, FieldType

_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*__c")
_MAX_TEXT, _MIN_LONG, _MAX_LONG = 255, 256, 131_072
_KINDS = {
    "Text": FieldType.STRING,
    "TextArea": FieldType.TEXTAREA,
    "LongTextArea": FieldType.TEXTAREA,
    "Picklist": FieldType.PICKLIST,
    "Checkbox": FieldType.BOOLEAN,
    "Url": FieldType.URL,
    "Email": FieldType.EMAIL,
    "Phone": FieldType.PHONE,
    "Date": FieldType.DATE,
    "DateTime": FieldType.DATETIME,
    "Number": FieldType.DOUBLE,
    "Currency": FieldType.CURRENCY,
    "Percent": FieldType.PERCENT,
}
_FIXED = {"TextArea": 255, "Picklist": 255, "Url": 255, "Email": 80, "Phone": 40}
_COMMON = frozenset({"type", "label", "description", "inlineHelpText", "required", "trackFeedHistory", "trackHistory"})
# What else each type takes; the first set must be there.
_PROPERTIES: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "Text": (frozenset({"length"}), frozenset({"externalId", "unique", "caseSensitive", "defaultValue"})),
    "LongTextArea": (frozenset({"length", "visibleLines"}), frozenset({"defaultValue"})),
    "Picklist": (frozenset({"valueSet"}), frozenset()),
    "Checkbox": (frozenset({"defaultValue"}), frozenset()),
    "Number": (frozenset({"precision", "scale"}), frozenset({"externalId", "unique", "defaultValue"})),
    "Currency": (frozenset({"precision", "scale"}), frozenset({"defaultValue"})),
    "Percent": (frozenset({"precision", "scale"}), frozenset({"defaultValue"})),
    "Email": (frozenset(), frozenset({"externalId", "unique", "defaultValue"})),
}


def read_definition(name: str, metadata: Mapping[str, object]) -> Field:
    """Return the field that the definition describes, or refuse it: FIELD_INTEGRITY_EXCEPTION."""
    if not _NAME.fullmatch(name) or len(name) > 43:
        raise _refused(
            f"The Field API Name can only contain underscores and alphanumeric characters and ends with __c: {name}"
        )
    return _Definition(name, {key: value for key, value in metadata.items() if value is not None}).field()


def shown_definition(item: Field) -> dict[str, object]:
    """Return the definition of a custom field as the Tooling API shows it."""
    kind = next(name for name, each in _KINDS.items() if each is item.type)
    if item.type is FieldType.TEXTAREA and item.length > _MAX_TEXT:
        kind = "LongTextArea"
    values = [{"valueName": name, "label": name, "default": False} for name in item.picklist]
    return {
        "type": kind,
        "label": item.label,
        "length": item.length if kind in {"Text", "LongTextArea"} else None,
        "precision": item.precision or None,
        "scale": item.scale if item.precision else None,
        "required": item.required,
        "externalId": item.external_id,
        "unique": item.unique,
        "caseSensitive": item.case_sensitive if item.unique else None,
        "valueSet": {"restricted": item.restricted, "valueSetDefinition": {"value": values}} if values else None,
    }


@dataclass(frozen=True)
class _Definition:
    name: str
    given: Mapping[str, object]

    def field(self) -> Field:
        kind = str(self.given.get("type"))
        if kind not in _KINDS:
            raise RefusedError(Rule.WRONG_TYPE, type="complexvalue", token="VALUE_STRING", value=kind)
        self._require_properties(kind)
        label = self.given.get("label")
        if not isinstance(label, str) or not 1 <= len(label) <= 40:
            raise _refused(f"Label: a field needs a label of at most 40 characters: {self.name}")
        if kind == "Checkbox" and self._flag("required"):
            raise _refused("Can not specify 'required' for a CustomField of type Checkbox")
        values, restricted = self._values() if kind == "Picklist" else ((), False)
        return Field(
            self.name,
            _KINDS[kind],
            label,
            length=self._length(kind),
            precision=self._whole("precision", 18),
            scale=self._whole("scale", 17),
            required=self._flag("required"),
            external_id=self._flag("externalId"),
            unique=self._flag("unique"),
            case_sensitive=self._flag("caseSensitive"),
            picklist=values,
            restricted=restricted,
            default=self._default() if kind == "Checkbox" else None,
            custom=True,
        )

    def _require_properties(self, kind: str) -> None:
        needed, allowed = _PROPERTIES.get(kind, (frozenset[str](), frozenset[str]()))
        for name in sorted(needed - set(self.given)):
            raise _refused(f"Must specify '{name}' for a CustomField of type {kind}")
        for name in sorted(set(self.given) - needed - allowed - _COMMON):
            raise _refused(f"Can not specify '{name}' for a CustomField of type {kind}")

    def _length(self, kind: str) -> int:
        if kind in _FIXED:
            return _FIXED[kind]
        length = self._whole("length", _MAX_LONG)
        if kind == "Text" and not 1 <= length <= _MAX_TEXT:
            raise _refused(f"Text fields have a length of 1 to {_MAX_TEXT}: {length}")
        if kind == "LongTextArea":
            if not _MIN_LONG <= length <= _MAX_LONG:
                raise _refused(f"Long Text Area fields have a length of {_MIN_LONG} to {_MAX_LONG}: {length}")
            if self._whole("visibleLines", 50) < 2:
                raise _refused("visibleLines has to be at least 2")
        return length

    def _whole(self, name: str, most: int) -> int:
        value = self.given.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise _refused(f"{name} has to be a number up to {most}: {value}")
        return value

    def _flag(self, name: str) -> bool:
        value = self.given.get(name, False)
        if not isinstance(value, bool):
            raise _refused(f"{name} has to be true or false: {value}")
        return value

    def _default(self) -> bool:
        """A checkbox's default is a formula; JSON clients send it as text or as a boolean."""
        value = self.given["defaultValue"]
        if str(value).lower() not in {"true", "false"}:
            raise _refused(f"defaultValue of a Checkbox has to be true or false: {value}")
        return str(value).lower() == "true"

    def _values(self) -> tuple[tuple[str, ...], bool]:
        value_set = self.given["valueSet"]
        definition = value_set.get("valueSetDefinition") if isinstance(value_set, dict) else None
        values = definition.get("value") if isinstance(definition, dict) else None
        if not isinstance(value_set, dict) or not isinstance(values, list) or not values:
            raise _refused("Picklist values: valueSet.valueSetDefinition.value has to list the values")
        names = [_value_name(value) for value in values]
        if len(set(names)) < len(names):
            raise _refused("Duplicate picklist values")
        return tuple(names), value_set.get("restricted") is True


def _value_name(value: object) -> str:
    """Return a picklist value's name: `valueName` in the Tooling API's JSON, `fullName` in the Metadata API."""
    name = (value.get("valueName") or value.get("fullName")) if isinstance(value, dict) else None
    if not isinstance(name, str) or not isinstance(value, dict) or not isinstance(value.get("label"), str):
        raise _refused("A picklist value needs its name and its label")
    return name


def _refused(detail: str) -> RefusedError:
    return RefusedError(Rule.INTEGRITY, detail=detail, on=["FullName"])

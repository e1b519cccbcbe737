"""How a new column is described to Dataverse (webapi/create-update-column-definitions-using-web-api)."""

from __future__ import annotations

import re
from collections.abc import Callable

from shared.mapping.check.needs import Need
from shared.mapping.check.tables import Kind
from tools.admin.labels import label_of, words_of

Json = dict[str, object]

_CUSTOM_NAME = re.compile(r"[a-z][a-z0-9]{1,7}_[a-z0-9_]+")
"""A publisher's prefix of two to eight characters, then the name: only such columns can be made."""

_TEXT_SIZE = 100
"""Characters of a text column for which the mapping file sets no limit: the platform's own default."""


def can_make(need: Need) -> bool:
    """Whether a column of this name and type can be made at all."""
    return bool(need.kinds) and need.kinds[0] in _BY_KIND and _CUSTOM_NAME.fullmatch(need.column) is not None


def type_of(need: Need) -> str:
    """Return the type that is made, as a person reads it."""
    kind = need.kinds[0]
    return f"{kind} {need.size or _TEXT_SIZE}" if kind in (Kind.TEXT, Kind.MEMO) else str(kind)


def column_body(need: Need, language: int) -> Json:
    """Return the definition of a new column with labels in one language."""
    odata_name, facts = _BY_KIND[need.kinds[0]]
    return {
        "@odata.type": f"Microsoft.Dynamics.CRM.{odata_name}AttributeMetadata",
        "SchemaName": need.column,
        "DisplayName": label(label_of(need), language),
        "RequiredLevel": {"Value": "None"},
        **facts(need, language),
    }


def key_body(table: str, column: str, language: int) -> Json:
    """Return the definition of the alternate key on a table's column; keys of two tables get names of their own."""
    return {
        "SchemaName": f"{column}{'' if table == 'opportunity' else table}key",
        "DisplayName": label("Referral Identifier", language),
        "KeyAttributes": [column],
    }


def label(text: str, language: int) -> Json:
    """Return a label in one language."""
    localized: Json = {
        "@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel",
        "Label": text,
        "LanguageCode": language,
    }
    return {"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": [localized]}


def _text(need: Need, _language: int) -> Json:
    shown_as = "Url" if need.field == "columns.referral_link" else "Text"
    return {"MaxLength": need.size or _TEXT_SIZE, "FormatName": {"Value": shown_as}}


def _memo(need: Need, _language: int) -> Json:
    return {"MaxLength": need.size, "Format": "TextArea"}


def _digits(need: Need, _language: int) -> Json:
    return {"Precision": need.digits, "PrecisionSource": 0}


def _day(_need: Need, _language: int) -> Json:
    return {"Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}}


def _yes_no(_need: Need, language: int) -> Json:
    options = {"TrueOption": _option(1, "Yes", language), "FalseOption": _option(0, "No", language)}
    return {"DefaultValue": False, "OptionSet": {"OptionSetType": "Boolean", **options}}


def _choice(need: Need, language: int) -> Json:
    options = [_option(value, words_of(code), language) for value, code in need.values]
    return {"OptionSet": {"OptionSetType": "Picklist", "IsGlobal": False, "Options": options}}


def _option(value: object, text: str, language: int) -> Json:
    return {"Value": value, "Label": label(text, language)}


_BY_KIND: dict[Kind, tuple[str, Callable[[Need, int], Json]]] = {
    Kind.TEXT: ("String", _text),
    Kind.MEMO: ("Memo", _memo),
    Kind.MONEY: ("Money", _digits),
    Kind.DAY: ("DateTime", _day),
    Kind.YES_NO: ("Boolean", _yes_no),
    Kind.CHOICE: ("Picklist", _choice),
}

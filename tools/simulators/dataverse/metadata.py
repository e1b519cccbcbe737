"""EntityDefinitions, the read side: tables, columns by kind, choices, keys, relationships.

Source: the vendor's page on querying metadata, as summed up in the reference, A.12.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tools.simulators.dataverse.addresses import split_segment
from tools.simulators.dataverse.columns import CHOICES, Column, Key, Kind, Option, Table
from tools.simulators.dataverse.environment import Environment
from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.query import nested_options, split_list

Document = dict[str, object]

_PREFIX = "Microsoft.Dynamics.CRM."
_BY_NAME = re.compile(r"(?:LogicalName|SchemaName)='([^']+)'")
_LIST_FILTER = re.compile(r"\s*LogicalName eq '([^']+)'\s*")
_ATTRIBUTE_FILTER = re.compile(r"\s*(\w+) eq (true|false)\s*")
_NAMESPACE = uuid.UUID("5f0d9c1e-2f7a-4b55-9f53-0d5c7a1f0e11")
_COLLECTIONS = ("Attributes", "Keys", "ManyToOneRelationships")


def metadata_id(*names: str) -> str:
    """Return the stable MetadataId of a table, column or key."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(names)))


@dataclass(frozen=True)
class MetadataReader:
    """Answers GET below EntityDefinitions as seen at `now`."""

    environment: Environment
    service_root: str
    now: datetime

    def read(self, segments: list[str], options: Mapping[str, str]) -> Document:
        """Return the document that the path names."""
        _, key = split_segment(segments[0])
        if key is None:
            return self._definitions(options)
        table = self.table(key)
        if len(segments) == 1:
            return self._context("EntityDefinitions/$entity") | self._shaped(self._definition(table), options, table)
        return self._part(table, segments[1:], options)

    def table(self, key: str) -> Table:
        """Return the table named by `LogicalName='x'` or a MetadataId."""
        match = _BY_NAME.fullmatch(key)
        for table in self.environment.tables.values():
            if key == metadata_id(table.name) or (match and match[1] == table.name):
                return table
        raise RefusedError(Rule.UNKNOWN_RESOURCE, segment=f"EntityDefinitions({key})")

    def _definitions(self, options: Mapping[str, str]) -> Document:
        tables: Iterable[Table] = self.environment.tables.values()
        if "$filter" in options:
            matches = [_LIST_FILTER.fullmatch(part) for part in options["$filter"].split(" or ")]
            if None in matches:
                raise RefusedError(Rule.NOT_IMPLEMENTED, what="this filter of EntityDefinitions")
            names = {match[1] for match in matches if match}
            tables = [table for table in tables if table.name in names]
        value = [self._shaped(self._definition(table), options, table) for table in tables]
        return self._context("EntityDefinitions") | {"value": value}

    def _part(self, table: Table, segments: list[str], options: Mapping[str, str]) -> Document:
        name, key = split_segment(segments[0])
        if name not in _COLLECTIONS:
            raise RefusedError(Rule.UNKNOWN_RESOURCE, segment=name)
        documents = self._collection(table, name)
        rest = segments[1:]
        if name == "Attributes" and rest:
            cast = rest[0].removeprefix(_PREFIX)
            documents = [each for each in documents if each["@odata.type"] == f"#{_PREFIX}{cast}"]
            self._require_cast(cast)
            documents = [each | self._typed(table, each) for each in documents]
        shaped_as = "cast" if rest else name
        if key is None:
            return self._context(f"{name}({table.name})") | {
                "value": [_picked(each, options, shaped_as) for each in documents]
            }
        found = self._named(documents, key)
        typed = found | self._typed(table, found) if name == "Attributes" else found
        return self._context(f"{name}/$entity") | _picked(typed, options, "cast" if name == "Attributes" else name)

    def _named(self, documents: list[Document], key: str) -> Document:
        match = _BY_NAME.fullmatch(key)
        for document in documents:
            if key == document["MetadataId"] or (
                match and match[1] in {document["LogicalName"], document["SchemaName"]}
            ):
                return document
        raise RefusedError(Rule.UNKNOWN_RESOURCE, segment=key)

    def _require_cast(self, cast: str) -> None:
        if cast not in {f"{kind}AttributeMetadata" for kind in Kind}:
            raise RefusedError(Rule.UNKNOWN_RESOURCE, segment=_PREFIX + cast)

    def _context(self, of: str) -> Document:
        return {"@odata.context": f"{self.service_root}$metadata#{of}"}

    def _shaped(self, document: Document, options: Mapping[str, str], table: Table) -> Document:
        own = {name: text for name, text in options.items() if name == "$select"}
        shaped = _picked(document, own, "EntityDefinitions")
        for item in split_list(options.get("$expand", "")):
            name, nested = nested_options(item)
            if name not in _COLLECTIONS:
                raise RefusedError(Rule.NO_SUCH_PROPERTY, name=name, type="EntityMetadata")
            found = _filtered(self._collection(table, name), nested.pop("$filter", ""))
            shaped[name] = [_picked(each, nested, name) for each in found]
        return shaped

    def _definition(self, table: Table) -> Document:
        return {
            "MetadataId": metadata_id(table.name),
            "LogicalName": table.name,
            "SchemaName": table.schema_name,
            "EntitySetName": table.set_name,
            "LogicalCollectionName": table.set_name,
            "PrimaryIdAttribute": table.primary_id,
            "PrimaryNameAttribute": table.primary_name,
            "OwnershipType": "UserOwned" if "ownerid" in table.columns else "OrganizationOwned",
            "IsActivity": table.primary_id == "activityid",
            "IsCustomEntity": False,
            "ChangeTrackingEnabled": table.change_tracking,
            "CanChangeTrackingBeEnabled": _managed(value=True, name="canchangetrackingbeenabled"),
            "IsOptimisticConcurrencyEnabled": True,
            "DisplayName": label(table.schema_name),
        }

    def _collection(self, table: Table, name: str) -> list[Document]:
        builders: dict[str, Callable[[Table], list[Document]]] = {
            "Attributes": self._attributes,
            "Keys": self._keys,
            "ManyToOneRelationships": self._relationships,
        }
        return builders[name](table)

    def _attributes(self, table: Table) -> list[Document]:
        secured = self.environment.rules.secured
        columns = table.visible_columns(self.now)
        return [_attribute(table, each) | {"IsSecured": (table.name, each.name) in secured} for each in columns]

    def _keys(self, table: Table) -> list[Document]:
        now = self.environment.now()
        return [_key(table, key, key.status(now)) for key in table.keys.values()]

    def _relationships(self, table: Table) -> list[Document]:
        return [
            {
                "MetadataId": metadata_id(table.name, "relationship", navigation),
                "SchemaName": f"{table.name}_{navigation}",
                "RelationshipType": "OneToManyRelationship",
                "ReferencingEntity": table.name,
                "ReferencingAttribute": column.name,
                "ReferencingEntityNavigationPropertyName": navigation,
                "ReferencedEntity": target,
                "ReferencedAttribute": self.environment.table(target).primary_id,
            }
            for column in table.visible_columns(self.now)
            for navigation, target in column.navigations
        ]

    def _typed(self, table: Table, document: Document) -> Document:
        return _facts(table, table.columns[str(document["LogicalName"])])


def label(text: str) -> Document:
    """Return a label in the base language."""
    localized: Document = {"Label": text, "LanguageCode": 1033, "IsManaged": False}
    return {"LocalizedLabels": [localized], "UserLocalizedLabel": localized}


def _managed(*, value: object, name: str) -> Document:
    return {"Value": value, "CanBeChanged": True, "ManagedPropertyLogicalName": name}


def _attribute(table: Table, column: Column) -> Document:
    """Return what every kind of column has; facts of one kind need a cast."""
    return {
        "@odata.type": f"#{_PREFIX}{column.kind}AttributeMetadata",
        "MetadataId": metadata_id(table.name, column.name),
        "LogicalName": column.name,
        "SchemaName": column.schema_name,
        "EntityLogicalName": table.name,
        "AttributeType": column.kind.value,
        "AttributeTypeName": {"Value": f"{column.kind}Type"},
        "AttributeOf": None,
        "IsPrimaryId": column.name == table.primary_id,
        "IsPrimaryName": column.name == table.primary_name,
        "IsCustomAttribute": column.custom,
        "IsValidForCreate": column.creatable,
        "IsValidForUpdate": column.updatable,
        "IsValidForRead": True,
        "IsSecured": False,
        "RequiredLevel": _managed(value=column.required.value, name="canmodifyrequirementlevelsettings"),
        "DisplayName": label(column.schema_name),
    }


def _facts(table: Table, column: Column) -> Document:
    """Return the facts that only one kind of column has."""
    if column.kind in {Kind.STRING, Kind.MEMO}:
        return {"MaxLength": column.max_length, "Format": column.format, "FormatName": {"Value": column.format}}
    if column.kind in {Kind.MONEY, Kind.DECIMAL, Kind.INTEGER}:
        low, high = (float(bound) if bound is not None else None for bound in (column.minimum, column.maximum))
        facts: Document = {"MinValue": low, "MaxValue": high}
        precision: Document = {"Precision": column.precision} if column.kind is not Kind.INTEGER else {}
        return facts | precision | ({"PrecisionSource": column.precision_source} if column.kind is Kind.MONEY else {})
    if column.kind is Kind.DATETIME:
        behavior = "DateOnly" if column.is_date_only else "UserLocal"
        return {"Format": column.format, "DateTimeBehavior": {"Value": behavior}}
    if column.kind is Kind.BOOLEAN or column.kind in CHOICES:
        return {"OptionSet": _option_set(table, column), "GlobalOptionSet": None}
    return {"Targets": [target for _, target in column.navigations]} if column.is_lookup else {}


def _option_set(table: Table, column: Column) -> Document:
    identity: Document = {"MetadataId": metadata_id(table.name, column.name, "options"), "IsGlobal": False}
    identity |= {"Name": f"{table.name}_{column.name}", "OptionSetType": column.kind.value}
    if column.kind is Kind.BOOLEAN:
        yes, no = column.options
        return identity | {"TrueOption": _option(yes), "FalseOption": _option(no)}
    return identity | {"Options": [_option(option) for option in column.options]}


def _option(option: Option) -> Document:
    state: Document = {} if option.state is None else {"State": option.state}
    return {"Value": option.value, "Label": label(option.label)} | state


def _key(table: Table, key: Key, status: str) -> Document:
    return {
        "MetadataId": metadata_id(table.name, "key", key.name),
        "LogicalName": key.name,
        "SchemaName": key.schema_name,
        "EntityLogicalName": table.name,
        "KeyAttributes": list(key.columns),
        "EntityKeyIndexStatus": status,
        "DisplayName": label(key.schema_name),
    }


def _picked(document: Document, options: Mapping[str, str], kind: str) -> Document:
    """Apply $select and, behind a cast, $expand=OptionSet,GlobalOptionSet (absent unless expanded)."""
    expanded = dict(nested_options(item) for item in split_list(options.get("$expand", "")))
    names = [name for name in document if name not in {"OptionSet", "GlobalOptionSet"}]
    wanted = split_list(options.get("$select", ""))
    for name in [*wanted, *expanded]:
        if name not in document:
            raise RefusedError(Rule.NO_SUCH_PROPERTY, name=name, type=_type_name(document, kind))
    always = [name for name in names if name in {"@odata.type", "MetadataId"}]
    kept = dict.fromkeys([*always, *wanted] if wanted else names)
    return {name: document[name] for name in [*kept, *expanded]}


def _filtered(documents: list[Document], text: str) -> list[Document]:
    """Apply a nested $filter on one yes/no property."""
    if not text:
        return documents
    match = _ATTRIBUTE_FILTER.fullmatch(text)
    if match is None:
        raise RefusedError(Rule.NOT_IMPLEMENTED, what=f"the filter '{text}'")
    if any(match[1] not in document for document in documents):
        raise RefusedError(Rule.NO_SUCH_PROPERTY, name=match[1], type="AttributeMetadata")
    return [document for document in documents if document[match[1]] is (match[2] == "true")]


def _type_name(document: Document, kind: str) -> str:
    """The plain attribute type does not know what a cast would show."""
    names = {"EntityDefinitions": "EntityMetadata", "Attributes": "AttributeMetadata", "Keys": "EntityKeyMetadata"}
    return names.get(kind) or str(document.get("@odata.type", kind)).rpartition(".")[2]

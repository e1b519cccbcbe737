"""Finds the fields that a query names, along relationships, as one caller sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.fields import Field, SObjectType
from tools.simulators.salesforce.org import Caller, Org
from tools.simulators.salesforce.records import Record
from tools.simulators.salesforce.soql import Path
from tools.simulators.salesforce.soql_tokens import pointed

_MAX_STEPS = 5


class Source(Protocol):
    """Where a query's object types and rows come from: the org's data, or its metadata (Tooling)."""

    def sobject(self, name: str) -> SObjectType | None:
        """Return an object type by name, or None."""
        ...

    def rows(self, sobject: SObjectType, *, deleted: bool) -> Iterator[Record]:
        """Yield the rows that are visible now."""
        ...

    def row(self, record_id: str) -> Record | None:
        """Return the row that a reference points at."""
        ...


@dataclass(frozen=True)
class Resolved:
    """A path's reference fields, in the order they are followed, and the field at its end."""

    steps: tuple[Field, ...]
    field: Field


@dataclass(frozen=True)
class FieldFinder:
    """Resolves the paths of one query's source."""

    org: Org
    caller: Caller
    source: Source
    sobject: SObjectType
    text: str

    def resolve(self, path: Path) -> Resolved:
        """Return the field at the end of a path, or refuse: INVALID_FIELD."""
        *relations, name = path.name.split(".")
        if relations and relations[0].lower() == self.sobject.name.lower():
            relations = relations[1:]  # the object's own name may stand in front
        sobject, steps = self.sobject, []
        for relation in relations[:_MAX_STEPS]:
            step = sobject.by_relationship(relation)
            target = self.source.sobject(step.refers_to) if step and step.refers_to else None
            if step is None or target is None or not self.org.sees(self.caller, sobject, step):
                raise self._unknown_relationship(path, relation)
            steps.append(step)
            sobject = target
        field = self.org.field(self.caller, sobject, name)
        if field is None:
            raise self._unknown(path, sobject, name)
        return Resolved(tuple(steps), field)

    def filterable(self, path: Path) -> Resolved:
        """Return a field for WHERE or ORDER BY; long text areas are refused."""
        resolved = self.resolve(path)
        if not resolved.field.is_filterable:
            detail = f"field '{path.name}' can not be filtered in a query call"
            raise RefusedError(Rule.BAD_FIELD, detail=pointed(self.text, path.at, detail))
        return resolved

    def value(self, record: Record, resolved: Resolved) -> object:
        """Return the value of a record at the end of a path; null when a reference on the way is empty."""
        values: Mapping[str, object] = record.values
        for step in resolved.steps:
            parent = self.source.row(str(values.get(step.name, "")))
            if parent is None:
                return None
            values = parent.values
        return values.get(resolved.field.name)

    def _unknown(self, path: Path, sobject: SObjectType, name: str) -> RefusedError:
        text = Rule.NO_COLUMN.template.format(field=name, sobject=sobject.name)
        return RefusedError(Rule.BAD_FIELD, detail=pointed(self.text, path.at, text))

    def _unknown_relationship(self, path: Path, relation: str) -> RefusedError:
        text = (
            f"Didn't understand relationship '{relation}' in field path. If you are attempting to use a custom"
            " relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL"
            " or the describe call for the appropriate names."
        )
        return RefusedError(Rule.BAD_FIELD, detail=pointed(self.text, path.at, text))

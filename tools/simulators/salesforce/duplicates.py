"""Duplicate rules: what an admin set up against double records, and the header that gets past an alert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tools.simulators.salesforce.errors import RefusedError, Rule
from tools.simulators.salesforce.fields import SObjectType
from tools.simulators.salesforce.org import DuplicateRule, Org, fold
from tools.simulators.salesforce.records import Record, Values
from tools.simulators.salesforce.values import to_wire

_MESSAGE = "Use one of these records?"
_OPTIONS = frozenset({"allowSave", "includeRecordDetails", "runAsCurrentUser"})


@dataclass(frozen=True)
class DuplicateOptions:
    """The options of `Sforce-Duplicate-Rule-Header`, and the version that addresses in answers carry."""

    allow_save: bool = False
    include_details: bool = False
    version: str = "60.0"

    @classmethod
    def parse(cls, header: str, version: str) -> DuplicateOptions:
        """Read the header: `allowSave=true; includeRecordDetails=true`."""
        given = {}
        for part in filter(None, (part.strip() for part in header.replace(",", ";").split(";"))):
            name, _, value = (piece.strip() for piece in part.partition("="))
            if name not in _OPTIONS or value.lower() not in {"true", "false"}:
                raise RefusedError(Rule.BAD_HEADER, header="Sforce-Duplicate-Rule-Header", value=header)
            given[name] = value.lower() == "true"
        return cls(given.get("allowSave", False), given.get("includeRecordDetails", False), version)


@dataclass(frozen=True)
class DuplicateCheck:
    """Compares a record about to be saved with those that exist."""

    org: Org
    options: DuplicateOptions

    def require_none(self, sobject: SObjectType, values: Values, changes: Mapping[str, object]) -> None:
        """Refuse the record when a rule finds another like it; only rules whose fields change are asked."""
        for rule in self.org.duplicate_rules:
            if rule.sobject != sobject.name or not set(rule.fields) & set(changes):
                continue
            if rule.action == "alert" and self.options.allow_save:
                continue
            matches = self._matches(rule, sobject, values)
            if matches:
                result = self._result(rule, sobject, matches)
                raise RefusedError(Rule.DUPLICATES, message=_MESSAGE, details={"duplicateResult": result})

    def _matches(self, rule: DuplicateRule, sobject: SObjectType, values: Values) -> list[Record]:
        def key(of: Mapping[str, object]) -> list[object]:
            return [fold(sobject.fields[name], of.get(name)) for name in rule.fields]

        wanted = key(values)
        if any(part is None for part in wanted):
            return []
        others = (record for record in self.org.live(sobject.name) if record.id != values["Id"])
        return [record for record in others if key(record.values) == wanted]

    def _result(self, rule: DuplicateRule, sobject: SObjectType, matches: list[Record]) -> dict[str, object]:
        match: dict[str, object] = {
            "entityType": sobject.name,
            "errors": [],
            "matchEngine": "ExactMatchEngine",
            "matchRecords": [self._match(record) for record in matches],
            "rule": rule.name.replace("Duplicate", "Match"),
            "size": len(matches),
            "success": True,
        }
        return {
            "allowSave": rule.action == "alert",
            "duplicateRule": rule.name,
            "duplicateRuleEntityType": sobject.name,
            "errorMessage": _MESSAGE,
            "matchResults": [match],
        }

    def _match(self, record: Record) -> dict[str, object]:
        url = f"/services/data/v{self.options.version}/sobjects/{record.sobject}/{record.id}"
        shown: dict[str, object] = {"attributes": {"type": record.sobject, "url": url}, "Id": record.id}
        if self.options.include_details:
            shown |= {name: to_wire(value) for name, value in record.values.items()}
        return {"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": shown}

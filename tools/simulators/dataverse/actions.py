"""WinOpportunity, LoseOpportunity and QualifyLead: the messages that move a row into another state."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from tools.simulators.dataverse.columns import Table
from tools.simulators.dataverse.environment import Environment
from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.payload import Payload
from tools.simulators.dataverse.rows import Reference, Row, Values
from tools.simulators.dataverse.states import OPEN, default_reason, require_pair
from tools.simulators.dataverse.values import parse_id
from tools.simulators.dataverse.writes import Writer

WON, LOST, QUALIFIED = 1, 2, 1
_COMPLETED = 1
_FROM_LEAD = ("firstname", "lastname", "emailaddress1", "telephone1", "mobilephone", "jobtitle")
_REFERENCES = ("OpportunityCurrencyId", "OpportunityCustomerId", "SourceCampaignId")


def close_opportunity(environment: Environment, writer: Writer, state: int, body: Mapping[str, object]) -> None:
    """Close an opportunity with an `opportunityclose` activity; Status -1 means the state's default reason."""
    _require_parameters(body, required={"Status": int, "OpportunityClose": dict}, optional=set())
    table = environment.table("opportunity")
    activity_table = environment.table("opportunityclose")
    given = body["OpportunityClose"]
    assert isinstance(given, dict)  # noqa: S101 - checked above
    activity = Payload(environment, activity_table, creating=True).changes(given)
    reference = activity.get("opportunityid")
    if not isinstance(reference, Reference):
        raise RefusedError(Rule.REQUIRED, table=activity_table.name, column="opportunityid")
    row = environment.row(reference.table, reference.id)
    if row.values["statecode"] != OPEN:
        raise RefusedError(Rule.ALREADY_CLOSED, id=row.id)
    status = _reason(table, row, state, body["Status"])
    if writer.run_hooks:
        environment.rules.require_writable(table.name, {}, writer.caller, creating=False)
        environment.rules.require_closable()
    _write_activity(environment, writer, activity)
    writer.replace(
        row, row.values | _closing_values(environment, row, activity) | {"statecode": state, "statuscode": status}
    )


def _reason(table: Table, row: Row, state: int, status: object) -> object:
    if status == -1:
        return default_reason(table, state).value
    require_pair(table, row.id, state, status)
    return status


def _write_activity(environment: Environment, writer: Writer, activity: Values) -> None:
    row = writer.create(environment.table("opportunityclose"), dict(activity))
    writer.replace(row, row.values | {"statecode": _COMPLETED, "statuscode": 2})


def _closing_values(environment: Environment, row: Row, activity: Values) -> Values:
    ended = activity.get("actualend") or environment.stamp()
    revenue = activity.get("actualrevenue", row.values.get("estimatedvalue"))
    return {"actualvalue": revenue, "actualclosedate": str(ended)[:10]}


def qualify_lead(environment: Environment, writer: Writer, lead: Row, body: Mapping[str, object]) -> list[Row]:
    """Qualify a lead and create what was asked for; returns the created rows."""
    required = {"CreateAccount": bool, "CreateContact": bool, "CreateOpportunity": bool, "Status": int}
    _require_parameters(body, required, optional=set(_REFERENCES))
    table = environment.table("lead")
    if lead.values["statecode"] != OPEN:
        raise RefusedError(Rule.BAD_STATUS, status=body["Status"], state=QUALIFIED, table="lead", id=lead.id)
    status = _reason(table, lead, QUALIFIED, body["Status"])
    created = _LeadConversion(environment, writer, lead).create(body)
    opportunity = next((Reference(row.table, row.id) for row in created if row.table == "opportunity"), None)
    outcome = {"statecode": QUALIFIED, "statuscode": status, "qualifyingopportunityid": opportunity}
    writer.replace(lead, lead.values | outcome)
    return created


class _LeadConversion:
    """Creates account, contact and opportunity from a lead's columns."""

    def __init__(self, environment: Environment, writer: Writer, lead: Row) -> None:
        self._environment = environment
        self._writer = writer
        self._lead = lead.values
        self._lead_reference = Reference("lead", lead.id)

    def create(self, body: Mapping[str, object]) -> list[Row]:
        created = []
        if body["CreateAccount"]:
            address = {name: value for name, value in self._lead.items() if name.startswith("address1_")}
            created.append(self._write("account", address | {"name": self._lead.get("companyname")}))
        if body["CreateContact"]:
            created.append(self._write("contact", {name: self._lead.get(name) for name in _FROM_LEAD}))
        if body["CreateOpportunity"]:
            created.append(self._write("opportunity", self._opportunity(body, created)))
        return created

    def _write(self, table: str, values: Values) -> Row:
        return self._writer.create(self._environment.table(table), values)

    def _opportunity(self, body: Mapping[str, object], created: list[Row]) -> Values:
        values: Values = {
            "name": self._lead.get("subject"),
            "description": self._lead.get("description"),
            "originatingleadid": self._lead_reference,
            "estimatedclosedate": self._lead.get("estimatedclosedate"),
        }
        amount = self._lead.get("estimatedamount")
        values |= {"estimatedvalue": amount} if isinstance(amount, Decimal) else {}
        parents = {"account": "parentaccountid", "contact": "parentcontactid"}
        values |= {parents[row.table]: Reference(row.table, row.id) for row in created}
        for parameter, column in (
            ("OpportunityCurrencyId", "transactioncurrencyid"),
            ("OpportunityCustomerId", "customerid"),
        ):
            if body.get(parameter) is not None:
                values[column] = self._reference(parameter, body[parameter])
        return values

    def _reference(self, parameter: str, value: object) -> Reference:
        """Read a reference parameter: an object with the primary key of its table."""
        for table in self._environment.tables.values():
            identifier = value.get(table.primary_id) if isinstance(value, dict) else None
            if isinstance(identifier, str) and parse_id(identifier):
                return Reference(table.name, self._environment.row(table.name, identifier).id)
        raise RefusedError(Rule.MALFORMED_BODY, detail=f"'{parameter}' is not a reference.")


def _require_parameters(body: Mapping[str, object], required: Mapping[str, type], optional: set[str]) -> None:
    for name in body:
        if name not in required and name not in optional and not name.startswith("@"):
            raise RefusedError(Rule.MALFORMED_BODY, detail=f"The parameter '{name}' is not defined for the action.")
    for name, kind in required.items():
        value = body.get(name)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise RefusedError(
                Rule.MALFORMED_BODY, detail=f"The parameter '{name}' of type {kind.__name__} is missing."
            )

"""Everything the simulated Dataverse refuses, with the platform's status, code and wording, in one table.

Codes: the reference of the vendor's documented errors first; where it is silent, the code that public client code and
issue threads report for the same message.
"""

from __future__ import annotations

from enum import Enum


class Rule(Enum):
    """One reason to refuse: HTTP status, platform error code, message template."""

    NOT_A_MEMBER = (403, "0x80072560", "The user is not a member of the organization.")
    NO_ROLES = (
        403,
        "0x80042f09",
        "The user with SystemUserId={user} in OrganizationContext={organization} has not been assigned any roles.",
    )
    OWNER_WITHOUT_RIGHTS = (
        403,
        "0x80042f09",
        "Principal with id {id} (type={owner}) is missing prvReadOpportunity privilege, which an owner needs.",
    )
    NO_PRIVILEGE = (
        403,
        "0x80040220",
        "Principal user (Id={user}, type=8) is missing {privilege} privilege on entity '{table}'.",
    )
    TOO_MANY_REQUESTS = (
        429,
        "0x80072322",
        "Number of requests exceeded the limit of 6000 over time window of 300 seconds.",
    )
    TOO_MUCH_TIME = (
        429,
        "0x80072321",
        (
            "Combined execution time of incoming requests exceeded limit of 1200000 milliseconds over time window of"
            " 300 seconds. Decrease number of concurrent requests or reduce the duration of"
            " requests and try again later."
        ),
    )
    TOO_CONCURRENT = (429, "0x80072326", "Number of concurrent requests exceeded the limit of 52.")

    UNKNOWN_RESOURCE = (404, "0x80060888", "Resource not found for the segment '{segment}'.")
    METHOD_NOT_ALLOWED = (405, "0x80060888", "The requested resource does not support http method '{method}'.")
    NOT_ACCEPTABLE = (415, "0x80060888", "No output formatter was found for Accept '{accept}'; use application/json.")
    NOT_JSON = (
        415,
        "",
        "The request entity's media type '{type}' is not supported for this resource; use application/json.",
    )
    MALFORMED_BODY = (400, "0x80048d19", "Error identified in Payload provided by the user: {detail}")
    SYNTAX = (400, "0x80060888", "Bad Request - Error in query syntax. {detail}")
    UNSUPPORTED_OPTION = (400, "0x80060888", "The query parameter {option} is not supported.")
    NO_SUCH_PROPERTY = (
        400,
        "0x80060888",
        "Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{type}'.",
    )
    INCOMPATIBLE_OPERANDS = (
        400,
        "0x80060888",
        "A binary operator with incompatible types was detected: property '{name}' cannot be compared with {literal}.",
    )
    NOT_IMPLEMENTED = (501, "0x80060888", "The simulator does not implement {what}.")

    INVALID_PROPERTY = (
        400,
        "0x80048d19",
        (
            "Error identified in Payload provided by the user for Entity :'{set}': Invalid property"
            " '{name}' was found in"
            " entity 'Microsoft.Dynamics.CRM.{table}'. The property '{name}' does not exist on type"
            " 'Microsoft.Dynamics.CRM.{table}'. Make sure to only use property names that are defined by the type."
        ),
    )
    UNDECLARED_PROPERTY = (
        400,
        "0x80048d19",
        (
            "An undeclared property '{name}' which only has property annotations in the payload but"
            " no property value was"
            " found in the payload. In OData, only declared navigation properties and declared named streams can be"
            " represented as properties without values."
        ),
    )
    RAW_LOOKUP = (
        400,
        "0x80048d19",
        "CRM do not support direct update of Entity Reference properties, Use Navigation properties instead: '{name}'.",
    )
    WRONG_TYPE = (
        400,
        "0x80048d19",
        (
            "Error identified in Payload provided by the user for property '{column}': cannot convert {value} to the"
            " expected type '{type}'."
        ),
    )
    BAD_BIND = (400, "0x80048d19", "The value of '{name}@odata.bind' is not a reference to '{targets}': {value}")
    NOT_CREATABLE = (400, "0x80040203", "The property '{column}' of '{table}' is not valid for create.")
    NOT_UPDATABLE = (400, "0x80040203", "The property '{column}' of '{table}' is not valid for update.")
    REQUIRED = (
        400,
        "0x80040200",
        "A validation error occurred. The required attribute '{column}' of the '{table}' entity is missing or null.",
    )
    TOO_LONG = (
        400,
        "0x80044331",
        (
            "A validation error occurred. The length of the '{column}' attribute of the '{table}' entity exceeded the"
            " maximum allowed length of '{limit}'."
        ),
    )
    OPTION_OUT_OF_RANGE = (
        400,
        "0x8004431a",
        (
            "A validation error occurred. The value {value} of '{column}' on record of type"
            " '{table}' is outside the valid"
            " range. Accepted Values: {accepted}"
        ),
    )
    NUMBER_OUT_OF_RANGE = (
        400,
        "0x8004432f",
        (
            "A validation error occurred for {table}.{column}. The value {value} is outside the valid range({low} to"
            " {high})."
        ),
    )
    MONEY_OUT_OF_RANGE = (
        400,
        "0x80044330",
        (
            "A validation error occurred for {table}.{column}. The value {value} of type Microsoft.Xrm.Sdk.Money is"
            " outside the valid range({low} to {high})."
        ),
    )
    DATE_OUT_OF_RANGE = (400, "0x80040239", "The date-time of '{column}' is less than the minimum: {value}.")
    BAD_STATUS = (
        400,
        "0x80048408",
        "{status} is not a valid status code for state code {state} on {table} with Id {id}.",
    )
    STATE_BY_WRONG_MESSAGE = (
        400,
        "0x80100005",
        (
            "This message can not be used to set the state of opportunity to {state}. In order to"
            " set state of opportunity"
            " to {state}, use the {action} message instead."
        ),
    )
    ALREADY_CLOSED = (400, "0x80040515", "The opportunity {id} is already closed and cannot be edited or closed again.")

    CANNOT_CLOSE = (400, "0x80040516", "The opportunity cannot be closed. {message}")
    PLUG_IN = (400, "0x80040265", "{message}")
    COLUMN_SECURITY = (
        400,
        "0x8004f504",
        (
            "Caller user with Id {user} does not have {what} permissions for the {column} secured attribute on entity"
            " {table}. The requested operation could not be completed."
        ),
    )

    NO_ROW = (404, "0x80040217", "Entity '{table}' With Id = {id} Does Not Exist")
    NO_ROW_BY_KEY = (404, "0x80060891", "A record with the specified key values does not exist in {table} entity")
    NO_SUCH_KEY = (
        400,
        "0x80060890",
        "The specified key attributes are not a defined and active key for the {table} entity: {columns}",
    )
    DUPLICATE_KEY = (
        412,
        "0x80060892",
        (
            "A record that has the attribute values {columns} already exists. The entity key {key}"
            " requires that this set"
            " of attributes contains unique values. Select unique values and try again."
        ),
    )
    DUPLICATE_ID = (412, "0x80040237", "Cannot insert duplicate key. A record with Id {id} already exists in {table}.")
    ROW_EXISTS = (412, "0x80060892", "A record with matching key values already exists.")
    STALE_VERSION = (
        412,
        "0x80060882",
        "The version of the existing record doesn't match the RowVersion property provided.",
    )

    TRACKING_OFF = (400, "0x80072491", "Change tracking is not enabled for entity '{table}'.")
    TRACKING_REFUSES_OPTION = (
        400,
        "0x80060888",
        "The query option {option} is not supported when change tracking is enabled.",
    )
    BAD_DELTA_TOKEN = (400, "0x80060888", "The delta token is malformed.")
    EXPIRED_VERSION = (
        400,
        "0x80044352",
        "Version stamp associated with the client has expired. Please perform a full sync.",
    )

    COLUMN_EXISTS = (
        400,
        "0x80047013",
        "An attribute with the specified name {name} already exists for entity {table}.",
    )
    KEY_EXISTS = (400, "0x80060893", "An entity key with the name {name} already exists on entity {table}.")
    BAD_METADATA = (400, "0x80040203", "The definition is not acceptable: {detail}")

    def __init__(self, status: int, code: str, template: str) -> None:
        self.status = status
        self.code = code
        self.template = template


class RefusedError(ValueError):
    """A request that the platform refuses; a quirk may change the rule's status or code."""

    def __init__(
        self, rule: Rule, *, as_status: int | None = None, as_code: str | None = None, **parts: object
    ) -> None:
        self.rule = rule
        self.status = rule.status if as_status is None else as_status
        self.code = rule.code if as_code is None else as_code
        self.message = rule.template.format(**parts)
        self.headers: dict[str, str] = {}
        super().__init__(f"{self.code} {self.message}")

"""Everything the simulated Salesforce refuses, with the platform's status, code and wording, in one table.

Codes: the REST API developer guide's status codes and the SOAP API's StatusCode list; where they leave the wording
open, what public client code and question threads quote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum


class Rule(Enum):
    """One reason to refuse: HTTP status, platform error code, message template."""

    # The error code is part of every value: members with an equal value would be one member under two names.
    SESSION = (401, "INVALID_SESSION_ID", "Session expired or invalid")
    AUTH_HEADER = (401, "INVALID_AUTH_HEADER", "INVALID_JWT_FORMAT")
    DAILY_LIMIT = (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    CONCURRENT_LIMIT = (
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
    )
    SERVER_UNAVAILABLE = (503, "SERVER_UNAVAILABLE", "Server too busy. Please try again.")
    UNKNOWN_EXCEPTION = (500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. ErrorId: {error_id}")
    INSUFFICIENT_ACCESS = (
        403,
        "INSUFFICIENT_ACCESS",
        "You do not have the permission '{permission}' that this operation requires.",
    )
    READ_ONLY_OBJECT = (
        400,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "entity type cannot be {done}: {label}",
    )

    NO_RESOURCE = (404, "NOT_FOUND", "The requested resource does not exist")
    NO_RECORD = (404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: {name}")
    ENTITY_IS_DELETED = (404, "ENTITY_IS_DELETED", "entity is deleted")
    RETIRED_VERSION = (410, "UNSUPPORTED_API_VERSION", "The requested API version has been retired.")
    METHOD_NOT_ALLOWED = (405, "METHOD_NOT_ALLOWED", "HTTP Method '{method}' not allowed. Allowed are {allowed}")
    URI_TOO_LONG = (414, "URI_TOO_LONG", "The length of the URI exceeds the limit of 16,384 bytes")
    NOT_ACCEPTABLE = (406, "NOT_ACCEPTABLE", "The requested representation '{accept}' is not available.")
    NOT_JSON = (415, "UNSUPPORTED_MEDIA_TYPE", "Content of type '{type}' is not supported; use application/json.")
    JSON_PARSER = (400, "JSON_PARSER_ERROR", "{detail}")
    WRONG_TYPE = (
        400,
        "JSON_PARSER_ERROR",
        (
            "Cannot deserialize instance of {type} from {token} value {value} or request may be missing a required"
            " field at [line:1, column:2]"
        ),
    )
    PRECONDITION = (412, "PRECONDITION_FAILED", "The record was modified since {since}")
    BAD_HEADER = (400, "INVALID_HEADER", "The value of the header {header} is not valid: {value}")
    NOT_IMPLEMENTED = (501, "NOT_IMPLEMENTED", "The simulator does not implement {what}.")

    MALFORMED_QUERY = (400, "MALFORMED_QUERY", "{detail}")
    NO_OBJECT = (
        400,
        "INVALID_TYPE",
        (
            "sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append"
            " the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate"
            " names."
        ),
    )
    NO_COLUMN = (
        400,
        "INVALID_FIELD",
        (
            "No such column '{field}' on entity '{sobject}'. If you are attempting to use a custom field, be sure to"
            " append the '__c' after the custom field name. Please reference your WSDL or the describe call for the"
            " appropriate names."
        ),
    )
    BAD_FIELD = (400, "INVALID_FIELD", "{detail}")
    BAD_ID_FILTER = (400, "INVALID_QUERY_FILTER_OPERATOR", "{detail}")
    BAD_OFFSET = (400, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
    BAD_LOCATOR = (400, "INVALID_QUERY_LOCATOR", "invalid query locator")

    NO_COLUMN_ON_WRITE = (400, "INVALID_FIELD", "No such column '{field}' on sobject of type {sobject}")
    ID_ON_INSERT = (400, "INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call")
    KEY_IN_BODY = (400, "INVALID_FIELD", "The {field} field should not be specified in the sobject data.")
    NOT_WRITABLE = (
        400,
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        (
            "Unable to create/update fields: {fields}. Please check the security settings of this field and verify that"
            " it is read/write for your profile or permission set."
        ),
    )
    REQUIRED = (400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [{fields}]")
    TOO_LONG = (400, "STRING_TOO_LONG", "{label}: data value too large: {value} (max length={limit})")
    BAD_PICKLIST = (
        400,
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "{label}: bad value for restricted picklist field: {value}",
    )
    OUT_OF_RANGE = (
        400,
        "NUMBER_OUTSIDE_VALID_RANGE",
        "{label}: value outside of valid range on numeric field: {value}",
    )
    BAD_EMAIL = (400, "INVALID_EMAIL_ADDRESS", "{label}: invalid email address: {value}")
    MALFORMED_ID = (400, "MALFORMED_ID", "{label}: id value of incorrect type: {value}")
    MALFORMED_ADDRESS = (400, "MALFORMED_ID", "malformed id {id}")
    INACTIVE_OWNER = (400, "INACTIVE_OWNER_OR_USER", "operation performed with inactive user as owner")
    CROSS_REFERENCE = (400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    DUPLICATE_VALUE = (
        400,
        "DUPLICATE_VALUE",
        "duplicate value found: {field} duplicates value on record with id: {id}",
    )
    DUPLICATES = (400, "DUPLICATES_DETECTED", "{message}")
    VALIDATION = (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "{message}")
    TRIGGER = (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "{name}: execution of {event}\n\ncaused by: {message}")
    INTEGRITY = (400, "FIELD_INTEGRITY_EXCEPTION", "{detail}")
    CONVERTED = (400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    LOCKED = (
        400,
        "UNABLE_TO_LOCK_ROW",
        "unable to obtain exclusive access to this record or 1 records: {id}",
    )
    NOT_DELETED = (400, "UNDELETE_FAILED", "Entity is not in the recycle bin")

    REPLICATION_DATE = (400, "INVALID_REPLICATION_DATE", "{detail}")
    TOO_MANY_RECORDS = (
        400,
        "EXCEEDED_ID_LIMIT",
        "record limit reached. cannot submit more than {limit} records into this call",
    )
    TOO_MANY_CHUNKS = (
        400,
        "LIMIT_EXCEEDED",
        "Cannot have more than 10 chunks in a single operation. Please rearrange the data to reduce chunking.",
    )
    BAD_COMPOSITE = (400, "INVALID_INPUT", "{detail}")
    HALTED = (400, "PROCESSING_HALTED", "{detail}")
    ROLLED_BACK = (
        400,
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was using AllOrNone header",
    )

    DUPLICATE_DEVELOPER_NAME = (
        400,
        "DUPLICATE_DEVELOPER_NAME",
        "There is already a field named {name} on {sobject}.",
    )

    def __init__(self, status: int, code: str, template: str) -> None:
        self.status = status
        self.code = code
        self.template = template


class RefusedError(ValueError):
    """A request that the platform refuses.

    `fields` names the columns a data error is about; None for errors that come before a record is looked at.
    `details` are further members of the error, such as `duplicateResult`.
    """

    def __init__(
        self,
        rule: Rule,
        *,
        on: Iterable[str] | None = None,
        details: Mapping[str, object] | None = None,
        as_status: int | None = None,
        **parts: object,
    ) -> None:
        self.rule = rule
        self.status = rule.status if as_status is None else as_status
        self.fields = None if on is None else list(on)
        self.details = dict(details or {})
        self.message = rule.template.format(**parts)
        super().__init__(f"{rule.code}: {self.message}")

    def entry(self) -> dict[str, object]:
        """Return the error as one element of a single call's array."""
        entry = {**self.details, "message": self.message, "errorCode": self.rule.code}
        return entry if self.fields is None else {**entry, "fields": self.fields}

    def record_entry(self) -> dict[str, object]:
        """Return the error as a collection shows it for one record: `statusCode` in place of `errorCode`."""
        return {**self.details, "statusCode": self.rule.code, "message": self.message, "fields": self.fields or []}


class TriggerError(Exception):
    """Raised by a hook to refuse a write as an Apex trigger's `addError` does; its text is the customer's."""

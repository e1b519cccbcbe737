"""A value that breaks the rule of its codec, before anybody knows which field it belongs to."""

from __future__ import annotations

from shared.problems import Problem, problem

CRM = "crm"
PARTNER_CENTER = "partner_center"
"""The sides on which a value can be wrong: keys of the catalogue's words."""


class UnreadableValue(ValueError):
    """A wire value that breaks a codec's rule: a problem of the catalogue whose field is not known yet."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values

    def __str__(self) -> str:
        return self.problem("value", CRM).rule

    def problem(self, field: str, side: str) -> Problem:
        """Return the problem of a field on one side."""
        return problem(self.code, field, side=side, **self.values)

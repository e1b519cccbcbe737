"""The form of a deal registration made ready for use: filled from a record, checked, and spelled as JSON Patch.

Sources: the connector's published swagger (members, enums, what may be replaced) and register-deals. Nobody documents
which members are required, so all of the samples' are, unless the mapping file says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from shared.deal import CURRENCY, DEAL_VALUE, SOLUTIONS, Fields, Value
from shared.deal_registration import FIELD, DealRegistration, Form
from shared.errors import DataError
from shared.mapping.codecs import Json, money
from shared.mapping.conditions import Condition
from shared.mapping.deal_registration import RegistrationSection
from shared.mapping.rows import make_rows, put_path
from shared.mapping.unreadable import CRM
from shared.problems import Problem, problem

VALUE, MONEY = "contract.value", "contract.currency"
START, END, SIGNED = "contract.startDateTime", "contract.endDateTime", "contract.signDateTime"
TERM, FINITE = "contract.term", "Finite"
SOLUTION, SOLUTION_VALUE, SOLUTION_MONEY = "solutionDetails.id", "solutionDetails.value", "solutionDetails.currency"
IN_MARKETPLACE = "solutionDetails.marketplaceTransactionDetails.isMarketplaceTransacted"
MARKETPLACE_DAY = "solutionDetails.marketplaceTransactionDetails.marketplaceTransactionDateTime"

GIVEN = frozenset({VALUE, MONEY, SOLUTION, SOLUTION_VALUE, SOLUTION_MONEY})
"""Paths that the deal itself tells where no row does: its value, its currency, and the only one of its solutions."""

NEEDED = (
    *(VALUE, MONEY, START, SIGNED, TERM, SOLUTION, SOLUTION_VALUE, SOLUTION_MONEY),
    *(f"solutionDetails.{name}" for name in ("isDeployedOnAzure", "primaryDeploymentOn", "pricingModel")),
    IN_MARKETPLACE,
)
"""Paths of every form; the end of a finite contract and the day of a marketplace transaction join them."""

CORRECTED = frozenset(
    {
        *(f"contract.{name}" for name in ("startDateTime", "endDateTime", "signDateTime", "term", "value")),
        *(f"solutionDetails.{name}" for name in ("value", "currency", "isDeployedOnAzure")),
        *(f"solutionDetails.{name}" for name in ("primaryDeploymentOn", "pricingModel")),
        *(IN_MARKETPLACE, MARKETPLACE_DAY),
    }
)
"""Paths that a registration may have replaced (swagger, PatchDealRegistrationByReferralId)."""

CODES = {
    TERM: ("Perpetual", FINITE),
    "solutionDetails.primaryDeploymentOn": ("Customer", "Partner"),
    "solutionDetails.pricingModel": ("PayAsYouGo", "Other"),
}
"""Paths that hold one of a closed set of codes (published swagger)."""

Operation = dict[str, object]
"""One JSON-Patch operation: op, path, value."""


class CompiledForm:
    """Implements shared.deal_registration.RegistrationForm, and knows how the form is sent."""

    def __init__(self, section: RegistrationSection, catalogue: Mapping[str, str]) -> None:
        self.section = section
        self.rows = {row.pair.referral: row for row in make_rows(section.form, catalogue=catalogue)}
        self._when = Condition(section.when) if section.when else None

    def wanted(self, columns: Mapping[str, object]) -> bool:
        """Whether the win of a record is to be registered."""
        return self._when is None or self._when(columns)

    def fill(self, columns: Mapping[str, object], deal: Fields) -> Form:
        """Return the form filled from a record's columns, the rest from what both sides agreed on."""
        values: dict[str, object] = dict(self.section.constants)
        canonical: dict[str, Value] = {}
        problems: list[Problem] = []
        for path, row in self.rows.items():
            try:
                canonical[path] = row.read_record(columns)
            except DataError as error:
                problems.extend(error.problems)
                continue
            if canonical[path] not in (None, ()) and path != SOLUTION:
                values[path] = row.codec.to_referral(canonical[path], None)
        solutions = None if SOLUTION in values else canonical.get(SOLUTION) or deal.get(SOLUTIONS)
        values |= _of_deal(values, deal, solutions)
        wrong = {each.field for each in problems}
        problems += [each for each in self._problems(values, solutions) if each.field not in wrong]
        return Form(values, tuple(problems))

    # --- what is wrong with it -------------------------------------------------------------------------------------

    def _problems(self, values: Mapping[str, object], solutions: Value) -> Iterator[Problem]:
        several = isinstance(solutions, tuple) and len(solutions) > 1
        for path in needed(values):
            if path not in values and path not in self.section.not_needed and not (path == SOLUTION and several):
                yield self._lacks(path)
        if isinstance(solutions, tuple) and several:
            yield problem("registration.one_solution", self._field(SOLUTION), count=len(solutions))
        elif SOLUTION in self.rows and (wrong := self.rows[SOLUTION].codec.refusal(solutions, None)):
            yield wrong.problem(self._field(SOLUTION), CRM)
        for path in (VALUE, SOLUTION_VALUE):
            number = values.get(path)
            if isinstance(number, (int, float)) and number <= 0:
                yield problem("registration.no_value", self._field(path))
                break
        start, end = (str(values.get(path) or "")[:10] for path in (START, END))
        if start and end and end < start:
            yield problem("registration.ends_first", self._field(END), start=start, end=end)

    def _lacks(self, path: str) -> Problem:
        if path in self.rows:
            return problem("registration.missing", self._field(path), column=self.rows[path].pair.column)
        if path in (VALUE, SOLUTION_VALUE):
            return problem("registration.no_value", DEAL_VALUE)
        return problem("registration.not_mapped", FIELD, path=path)

    def _field(self, path: str) -> str:
        if path in self.rows:
            return self.rows[path].name
        return {VALUE: DEAL_VALUE, SOLUTION_VALUE: DEAL_VALUE, SOLUTION: SOLUTIONS}.get(path, FIELD)

    def field_at(self, target: str) -> str:
        """Return the form's field that an error's target is about; the registration as a whole for any other place."""
        parts = target.replace(".", "/").strip("/").split("/")
        place = "/".join(part for part in parts if part not in ("registrations", "-") and not part.isdecimal())
        found = [path for path in self.rows if path.replace(".", "/").casefold() == place.casefold()]
        return self._field(found[0]) if found else FIELD

    # --- how it is sent --------------------------------------------------------------------------------------------

    def first(self, form: Form) -> list[Operation]:
        """Return the JSON Patch that registers a win."""
        body: dict[str, object] = {"type": self.section.type}
        for path, value in form.values.items():
            put_path(body, tuple(path.split(".")), value)
        body["solutionDetails"] = [body.get("solutionDetails", {})]
        return [{"op": "add", "path": "/registrations/-", "value": body}]

    def correction(self, form: Form, registration: DealRegistration) -> list[Operation]:
        """Return the JSON Patch that brings a registration to the form, as far as Partner Center takes changes."""
        at = f"/registrations/{registration.number}"
        inside = {path: path.replace("solutionDetails.", "solutionDetails.0.").replace(".", "/") for path in CORRECTED}
        return [
            {"op": "replace", "path": f"{at}/{inside[path]}", "value": value}
            for path, value in form.values.items()
            if path in CORRECTED
        ]


def needed(values: Mapping[str, object]) -> Iterable[str]:
    """Return the paths that a form with these values must have."""
    yield from NEEDED
    if values.get(TERM) == FINITE:
        yield END
    if values.get(IN_MARKETPLACE) is True:
        yield MARKETPLACE_DAY


def _of_deal(values: Mapping[str, object], deal: Fields, solutions: Value) -> dict[str, object]:
    """Return what the deal itself tells of a form, where nothing else does."""
    found: dict[str, Json] = {VALUE: money().to_referral(deal.get(DEAL_VALUE), None), MONEY: deal.get(CURRENCY)}
    found = {**found, **values}
    found = {SOLUTION_VALUE: found[VALUE], SOLUTION_MONEY: found[MONEY], **found}
    if isinstance(solutions, tuple) and len(solutions) == 1:
        found[SOLUTION] = solutions[0]
    return {path: value for path, value in found.items() if value is not None}

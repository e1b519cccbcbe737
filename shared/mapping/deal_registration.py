"""The section `registration` of a mapping file: which wins are registered with Microsoft, and the form for it.

Part of the model (shared.mapping.model); the descriptions are what an editor shows beside the file.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from shared.mapping.pair import Pair, Path
from shared.mapping.sections import Expression
from shared.mapping.strict import Strict


class RegistrationSection(Strict):
    """How a win is registered. Paths are those of a registration in Partner Center, such as contract.startDateTime."""

    when: Expression | None = Field(
        None,
        description="On the record's columns (JMESPath): which wins are registered. Without it every win that can be.",
    )
    type: str = Field("AzureIPCoSell", min_length=1, description="The type of the registration.")
    status_column: str | None = Field(
        None, min_length=1, description="Text: what became of the registration, in the language of the sellers."
    )
    form: tuple[Pair, ...] = Field(
        description="Where the form's values stand: `referral` is a path in the registration, `column` one of the "
        "record. solutionDetails is the one solution that is registered."
    )
    constants: dict[Path, object] = Field(default={}, description="Values that are the same for every win, by path.")
    not_needed: tuple[Path, ...] = Field(
        (), description="Paths that may be empty although Microsoft's samples have all of them."
    )

    @model_validator(mode="after")
    def _each_value_has_one_place(self) -> RegistrationSection:
        for what, given in (
            ("field", [row.field for row in self.form]),
            ("path", [*(row.referral for row in self.form), *self.constants]),
        ):
            if twice := sorted({each for each in given if given.count(each) > 1}):
                raise ValueError(f"`registration` has more than one value for the {what} {', '.join(twice)}")
        return self

    @property
    def paths(self) -> frozenset[str]:
        """The paths that have a row or a constant."""
        return frozenset([*(row.referral for row in self.form), *self.constants])

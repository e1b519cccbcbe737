"""A pair of the mapping file: one place in Partner Center's JSON, one column of the CRM, and the codec between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from shared.mapping import codecs
from shared.mapping.people import people
from shared.mapping.sections import Scalar
from shared.mapping.strict import Strict

CodecName = Literal[
    "name", "text", "link", "money", "currency", "date", "yes_no", "choice", "country", "solutions", "ids", "people"
]
Path = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*(\.([A-Za-z][A-Za-z0-9]*|[0-9]))*$")]

OPTIONS: dict[str, frozenset[str]] = {
    "name": frozenset({"limit"}),
    "text": frozenset({"limit", "too_long", "escaped"}),
    "link": frozenset({"limit"}),
    "money": frozenset({"digits"}),
    "choice": frozenset({"values", "empty", "written", "unknown", "other"}),
    "country": frozenset({"as"}),
    "solutions": frozenset({"limit", "separator"}),
    "ids": frozenset({"limit", "separator"}),
    "people": frozenset({"limit"}),
    "yes_no": frozenset({"never_unset"}),
}
"""The options that mean something to each codec; codecs that are not here have none."""

_OPTIONS = frozenset().union(*OPTIONS.values())


class Pair(Strict):
    """One place in Partner Center's JSON and one column of the CRM, spelled through a codec."""

    field: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="The row's name, by which everything refers to it.")
    referral: Path = Field(description="Path to the value in the referral's JSON, for example details.dealValue.")
    fallback: Path | None = Field(None, description="Path that is read when the first one is empty.")
    column: str = Field(min_length=1, description="Logical name of the CRM's column.")
    fallback_column: str | None = Field(None, description="Column that is read when the first one is empty.")
    codec: CodecName = Field(description="How the value is spelled on the two sides.")
    limit: int | None = Field(default=None, gt=0, description="Characters that the CRM's column holds.")
    too_long: Literal["cut", "refuse"] = Field(
        "cut", description="Text over the limit is cut, or refused: then the deal waits until a person shortens it."
    )
    escaped: bool = Field(
        default=False, description="Partner Center puts HTML entities into this field, such as &amp; for &."
    )
    digits: int = Field(default=2, ge=0, le=10, description="Decimal places that the CRM's column keeps.")
    values: dict[Scalar, str] | None = Field(
        None, description="The CRM's option: Partner Center's code. One table for both directions."
    )
    written: dict[str, Scalar] = Field(
        default={}, description="By code, the option that is written where several options have that code."
    )
    empty: tuple[str, ...] = Field((), description="Codes with which Partner Center says that nothing is chosen.")
    unknown: Literal["refuse", "ignore"] = Field(
        "refuse", description="A code that `values` lacks holds the field for a person, or counts as nothing chosen."
    )
    other: Scalar | None = Field(
        None, description="The option that the CRM shows for texts that `values` lacks; Partner Center keeps its text."
    )
    entry: str | None = Field(
        None, min_length=1, description="Type of the one entry of a list of {type, id} objects that the row is about."
    )
    separator: str = Field(", ", pattern=r"\S", description="What stands between the ids in the CRM's text.")
    country_as: Literal["name", "alpha2"] = Field(
        "alpha2", alias="as", description="Write a country to the CRM as its English name or its two-letter code."
    )

    @model_validator(mode="after")
    def _options_belong_to_the_codec(self) -> Pair:
        if (self.codec == "choice") != (self.values is not None):
            raise ValueError("`values` belongs to codec `choice`, and only to it")
        self._check_vocabulary()
        given = {"as" if name == "country_as" else name for name in self.model_fields_set}
        useless = sorted(given & _OPTIONS - OPTIONS.get(self.codec, frozenset()))
        if useless:
            raise ValueError(f"`{'`, `'.join(useless)}` means nothing to codec `{self.codec}`")
        return self

    def _check_vocabulary(self) -> None:
        """Raise ValueError unless one option stands for each code in the CRM."""
        values = self.values or {}
        codes = list(values.values())
        open_codes = sorted({code for code in codes if codes.count(code) > 1} - set(self.written))
        if open_codes:
            raise ValueError(
                f"`values` has several options for {', '.join(open_codes)}: say under `written` which one is written"
            )
        for code, option in self.written.items():
            if values.get(option) != code:
                raise ValueError(f"`written` says {option} for {code}, which `values` does not")
        if self.other is not None and self.other not in values:
            raise ValueError(f"`other` is {self.other}, which is no option of `values`")

    def make_codec(self, *, mark: bool = False) -> codecs.Codec:
        """Return the row's codec; `mark` puts a check mark in front of a name that is written to the CRM."""
        codec = self.plain_codec(mark=mark)
        return (
            codec if self.entry is None else codecs.entry(self.entry, codecs.ENTRIES.get(self.referral, "type"), codec)
        )

    def plain_codec(self, *, mark: bool = False) -> codecs.Codec:
        """Return the codec of the value itself, wherever in a list it stands."""
        return _CODECS[self.codec](self, mark)

    def meaning(self) -> dict[str, object]:
        """Return what decides what a value means on the two sides; later keys only where they are given."""
        added = {name for name in _ADDED if getattr(self, name) == Pair.model_fields[name].get_default()}
        return self.model_dump(mode="json", include=set(Pair.model_fields) - {"field"} - added)


_ADDED = ("written", "unknown", "other", "entry")
"""Keys that came after the first links were stored: a default must not make a row another one than it was."""


_CODECS: dict[str, Callable[[Pair, bool], codecs.Codec]] = {
    "name": lambda row, mark: codecs.text(row.limit, escaped=True, strip_mark=True, mark=mark),
    "text": lambda row, _mark: codecs.text(row.limit, escaped=row.escaped, refuse=row.too_long == "refuse"),
    "link": lambda row, _mark: codecs.link(row.limit),
    "money": lambda row, _mark: codecs.money(row.digits),
    "currency": lambda _row, _mark: codecs.currency(),
    "date": lambda _row, _mark: codecs.day(),
    "yes_no": lambda _row, _mark: codecs.yes_no(),
    "choice": lambda row, _mark: codecs.choice(
        row.values or {}, row.empty, written=row.written, ignore_unknown=row.unknown == "ignore", other=row.other
    ),
    "country": lambda row, _mark: codecs.country(as_name=row.country_as == "name"),
    "solutions": lambda row, _mark: codecs.solutions(row.limit, row.separator),
    "ids": lambda row, _mark: codecs.ids(row.limit, row.separator),
    "people": lambda row, _mark: people(row.limit),
}

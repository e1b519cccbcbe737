"""Codecs: how one field's value is written on either side, and what both spellings mean.

A codec is a lens with four functions, made once per row of the mapping file. `from_referral` and `from_record` read a
wire value into the canonical value; both normalize, so that spelling never counts as a difference. `to_referral` and
`to_record` write a canonical value; the first is given what the referral holds now, so that parts we do not map
survive. A wire value that breaks the codec's rule raises UnreadableValue with that rule's code; whoever knows the
field's name turns it into a DataError.

What is written is read back as the same value. A column that cannot hold everything (a shorter text, fewer digits)
says so through `fit`, which is all a codec may lose.
"""

from __future__ import annotations

from shared.mapping.codecs.choices import choice, country
from shared.mapping.codecs.codec import Codec, Json, as_is
from shared.mapping.codecs.entries import ENTRIES, entry
from shared.mapping.codecs.lists import fewer, ids, solutions
from shared.mapping.codecs.scalars import currency, day, money, rounded, yes_no
from shared.mapping.codecs.solution_ids import solution_check
from shared.mapping.codecs.texts import MARK, link, text

__all__ = [
    "ENTRIES",
    "MARK",
    "Codec",
    "Json",
    "as_is",
    "choice",
    "country",
    "currency",
    "day",
    "entry",
    "fewer",
    "ids",
    "link",
    "money",
    "rounded",
    "solution_check",
    "solutions",
    "text",
    "yes_no",
]

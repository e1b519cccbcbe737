"""Text that a CRM shows in the place of a value that its reader may not see.

Which character stands for a hidden one is the customer's choice; asterisks, number signs, dots and X are usual
(power-apps/maker/data-platform/create-manage-masking-rules; Salesforce: data mask and encrypted fields). A value may be
hidden whole or in part.
"""

from __future__ import annotations

import re

from shared.deal import Value

_RUN = re.compile(r"[*#•●]{3,}|X{3,}|\bx{4,}\b")
_WHOLE = re.compile(r"[\s.,;:@()+/-]*(?:[*#•●Xx][\s.,;:@()+/-]*){3,}")


def looks_masked(value: Value) -> bool:
    """Whether a value may be hidden, if only in part: reason enough to ask for the app's rights."""
    return any(_RUN.search(each) for each in _texts(value))


def is_mask(value: Value) -> bool:
    """Whether there is nothing to be seen of a value but its mask."""
    return any(_RUN.search(each) and _WHOLE.fullmatch(each) for each in _texts(value))


def _texts(value: Value) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return value if isinstance(value, tuple) else ()

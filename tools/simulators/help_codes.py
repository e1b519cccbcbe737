"""How can Microsoft help? The choices, in the order of their numbers, as the product's columns list them in a CRM."""

from __future__ import annotations

HELP = (
    "Workload specific value proposition",
    "Customer technical architecture",
    "Proof of concept or demo",
    "Quotes or licensing",
    "Post sales customer success",
    "General or other",
)

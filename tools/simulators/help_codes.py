"""Choices of the columns of the product in a CRM, in the order of their numbers; the first: How can Microsoft help."""

from __future__ import annotations

HELP = (
    "Workload specific value proposition",
    "Customer technical architecture",
    "Proof of concept or demo",
    "Quotes or licensing",
    "Post sales customer success",
    "General or other",
)

MARKETPLACE_INTENT = ("Yes", "No", "Not decided")
"""Will the customer buy through Microsoft's marketplace?"""

CLOSE_REASONS = (
    "Budget inadequate",
    "Customer did not respond",
    "Chose another vendor",
    "Requirement not met",
    "Not a customer",
    "Timeline too short",
    "Abuse, spam or phishing",
    "Other",
)
"""Why a deal was declined or lost: Microsoft's list, by number."""

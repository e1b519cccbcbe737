"""Everything that thinks: the co-sell synchronization, without its triggers."""

VERSION = "0.1.0"
"""The release, as in pyproject.toml, which does not go to Azure."""

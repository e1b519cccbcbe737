"""Dynamics 365: its Web API client and the records in it."""

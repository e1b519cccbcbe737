"""Salesforce: its REST API client and the records in it."""

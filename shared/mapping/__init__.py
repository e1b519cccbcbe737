"""The mapping package: what a customer may change, in one file per CRM."""

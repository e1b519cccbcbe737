"""What an administrator asks of a mapping file: is it right, and does it fit the CRM."""

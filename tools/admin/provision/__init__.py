"""What provisioning would change, and doing it."""

"""What makes work: changes, missed events, and what waits."""

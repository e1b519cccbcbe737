"""Real servers that stand in for the vendors and refuse what the vendors refuse."""

"""The use cases: what the app does, in terms of pure decisions and ports."""

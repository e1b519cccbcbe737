"""Events from Partner Center: what takes them in, registers for them, and watches that they come."""

"""What a person looks at, and acts from: all deals at a glance, one deal explained, and what may be done about it."""

"""What the app remembers: links with their bases, cursors, audit, parked deals, intents."""

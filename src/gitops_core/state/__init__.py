"""Where inventory, intents, journal, history and memos are kept."""

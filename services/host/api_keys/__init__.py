"""API keys: their text, the keys that a serving process knows, and the commands that issue and revoke them."""

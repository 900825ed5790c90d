"""Reminders by e-mail: windows that close, suspensions, maintenance that is due; each once."""

"""Verifies an audit export of Sage Partner Certification: its own reading of the rules, and no code of the services."""

"""Compares a full transcript with the fact log."""

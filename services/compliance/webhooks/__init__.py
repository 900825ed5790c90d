"""Telling subscribers: every compliance event to every webhook endpoint, in order, without loss."""

"""Webhooks: delivers every compliance event to every subscribed endpoint, in order and without loss."""

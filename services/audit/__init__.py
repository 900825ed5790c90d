"""The audit trail: Merkle logs over the facts and the compliance events, sealed, witnessed and exported."""

"""Random histories through the running system: what it answers about one thing is the same by every path."""

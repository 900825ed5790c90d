"""Which known facts changed nothing, and why: one module for each kind of fact, all of them pure."""

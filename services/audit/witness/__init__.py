"""A witness of any C2SP log: it cosigns what extends all that it has seen, and nothing else."""

"""A PostgreSQL server that belongs to the process that starts it, where no database server is given.

It listens on a unix socket in a private directory only, and it stops when its owner does, however that ends.
"""

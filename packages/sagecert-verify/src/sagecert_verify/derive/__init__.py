"""The rules: the decisions and compliance events of a log, a person and a partner at a time.

Each fact costs what it changes. The project's tests compare it with a slow reading of the same rules by definition.
"""

"""The same rules, quickly: the decisions and compliance events of a log, a person and a partner at a time.

`sagecert_verify.rules` says what is right by definition, from the bare facts; here each fact costs what it changes.
Tests hold the two against each other, and both against the system.
"""

"""The rules, read by definition: slow, obviously correct, from the bare list of facts.

Nothing here is shared with the services: where the two agree, two independent readings of the rules agree.
"""

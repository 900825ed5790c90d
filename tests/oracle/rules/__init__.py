"""The rules, read by definition: slow, obviously correct, from the bare list of facts.

Nothing here is shared with the services, nor with the verifier but the days of London: where they agree, independent
readings of the rules agree.
"""

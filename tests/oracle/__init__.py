"""The slow, obviously correct calculator, and the random histories that are put to it.

Nothing here is shared with `services`: where the two agree, two independent readings of the rules agree.
"""

"""Rules that both services apply: attempts and scores, periods of time, links, and why a fact changes nothing. Pure."""

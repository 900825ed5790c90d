"""Rules that both services apply: what an attempt scored and whether it passes, and periods of time. Pure."""

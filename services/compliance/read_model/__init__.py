"""What compliance has derived, stored: standings, windows, timers, the log of compliance events."""

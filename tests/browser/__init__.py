"""The console in a real browser, on the story of the demo: what people ask it, by keyboard and without JavaScript."""

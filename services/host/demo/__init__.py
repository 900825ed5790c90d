"""A story to explore: half a year of a few partners, posted to a sandbox over HTTP as it would have been learned."""

"""The story of the integrator guide: a first load, then ten nights."""

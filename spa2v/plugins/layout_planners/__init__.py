"""Layout planners: what is decided."""

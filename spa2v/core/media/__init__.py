"""Reading sound, writing video."""

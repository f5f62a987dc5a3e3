"""Servers on 127.0.0.1 that speak the wire formats of the Gemini API and of chat completions, for tests and demos."""

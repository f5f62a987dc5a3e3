"""Grounding injectors: how boxes reach the denoiser."""

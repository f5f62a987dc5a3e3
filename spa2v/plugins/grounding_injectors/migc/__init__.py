"""`migc`: draws every thing inside its box by MIGC's instance shading in a frozen denoiser (Zhou et al., 2024)."""

from spa2v.plugins.grounding_injectors.migc.injector import MIGC as MIGC

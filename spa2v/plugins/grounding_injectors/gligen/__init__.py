"""`gligen`: box and phrase tokens through gated self-attention in every spatial block (Li et al., CVPR 2023)."""

from spa2v.plugins.grounding_injectors.gligen.injector import GLIGEN as GLIGEN

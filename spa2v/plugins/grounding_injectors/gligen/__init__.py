"""`gligen`: gated self-attention over grounding tokens in every spatial block (GLIGEN, Li et al., CVPR 2023).

injector   the component: options, attach and detach; imports nothing heavy
fusion     grounding tokens, and the gated self-attention ("fuser") of the blocks
weights    reads checkpoints
"""

from spa2v.plugins.grounding_injectors.gligen.injector import GLIGEN as GLIGEN

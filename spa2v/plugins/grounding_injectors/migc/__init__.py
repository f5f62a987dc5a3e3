"""`migc`: instance shading in the cross-attention of a frozen denoiser (MIGC, Zhou et al., CVPR 2024).

injector    the component: options, attach and detach; imports nothing heavy
processor   the attention processor of a layer, and what the layers of one generation share
modules     the networks: enhancement attention, layout attention, shading aggregation controller
masks       boxes as masks on feature maps
weights     reads checkpoints
"""

from spa2v.plugins.grounding_injectors.migc.injector import MIGC as MIGC

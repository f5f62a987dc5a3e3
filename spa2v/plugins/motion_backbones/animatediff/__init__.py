"""`animatediff`: Stable Diffusion 1.x with AnimateDiff's motion modules, each frame from its part of the layout.

backbone         the component: options and methods; imports nothing heavy
options          ranges and choices of the options, weight sources, known weights
vocabulary       replaces names that small weights were not trained on
engine           the networks of one backbone, and a generation with them; heavy imports begin here
loading          reads weights strictly: folder, single file, adapter, LoRA
prompts          the text of each frame, its embeddings, the tokens of a phrase
noise            initial noise: FreeNoise, FreeInit, noise warping
sampling         the denoising loop with guidance, and the schedulers
memory           placement on the device, offload, out-of-memory errors
attention_sites  the attention layers of the denoiser, for grounding injectors
"""

from spa2v.plugins.motion_backbones.animatediff.backbone import AnimateDiff as AnimateDiff

"""`animatediff`: Stable Diffusion 1.x with AnimateDiff's motion modules, each frame from its part of the layout."""

from spa2v.plugins.motion_backbones.animatediff.backbone import AnimateDiff as AnimateDiff

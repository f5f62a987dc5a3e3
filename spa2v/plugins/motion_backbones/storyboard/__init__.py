"""The layout as an animatic, for a person to judge before paying for a GPU. Needs no weights."""

from spa2v.plugins.motion_backbones.storyboard.backbone import Storyboard as Storyboard

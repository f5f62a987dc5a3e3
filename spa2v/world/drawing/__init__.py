"""The picture of a scene: anti-aliased polygons in perspective, with the exact visible box of every thing."""

from spa2v.world.drawing.render import Frame, Renderer

__all__ = ["Frame", "Renderer"]

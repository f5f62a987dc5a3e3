"""The sound of a scene: from the geometry to two channels."""

from spa2v.world.acoustics.mix import Recording, record

__all__ = ["Recording", "record"]

"""Naming a piece of sound: the network of the package, and from scores of classes to tags.

network  the convolutional network in numpy
tagger   patches of a sound to scores of the vocabulary
labels   scores to tags: classes of one noun together, a specific class before the generic one
"""

from spa2v.plugins.cue_extractors.tagging.labels import tags_of
from spa2v.plugins.cue_extractors.tagging.tagger import Tagger, packaged_tagger

__all__ = ["Tagger", "packaged_tagger", "tags_of"]

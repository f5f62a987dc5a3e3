"""The rule-based stereo localizer: from cues to a layout, offline, deterministic, with its reasoning in words.

planner     StereoRules: the entry; options, key frames, scenario
objects     object selection: which sources are planned, and as what
priors      size, distance and kind of the classes of objects
motion      stays or moves, and how, from the trends of the cues
trends      change, Kendall's tau and significance of one track
camera      from azimuth and level to boxes: pinhole projection and trajectories
captions    reasoning and captions
"""

from spa2v.plugins.layout_planners.stereo_rules.planner import StereoRules as StereoRules

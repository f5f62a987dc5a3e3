"""The rule-based stereo localizer: from cues to a layout, offline, deterministic, with reasons in words."""

from spa2v.plugins.layout_planners.stereo_rules.planner import StereoRules as StereoRules

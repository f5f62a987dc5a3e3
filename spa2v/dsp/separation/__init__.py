"""Separation of a recording into sources.

strategies       the strategies in the order in which they are tried, and what they share: start reading here
opposing_passes  one vehicle recedes while another approaches (by the level over time)
streams          auditory streams by how they move (steady partials, vibrato, percussion), and the
                 single-source test
spatial          trajectories of azimuth, and the time-frequency bins that follow each
tf_bins          time-frequency bins and the likelihood of each azimuth in them
partials         sinusoidal partials, and groups of partials that glide together
onsets           components of a sound; onsets before the first reflection, percussive onsets
"""

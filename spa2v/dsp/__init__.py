"""The signal library: what is measured in stereo sound. It imports `spa2v.core.types` and nothing else of the package.

stft           short-time spectra, powers and cross-spectra of both channels, shared by everything below
interaural     level difference, delay (GCC-PHAT) and coherence between the channels, and the azimuth they imply
pitch          fundamental frequency and spectral centroid over time
timbre         features of a sound that do not depend on the direction of time, and coarse kinds of sound
trends         Theil-Sen change and Kendall's tau of a track
filters        small functions that several modules share: moving mean, bands, peaks, ramps, Viterbi search
separation/    one recording into sources
"""

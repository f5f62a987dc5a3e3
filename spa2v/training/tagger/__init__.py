"""The training of the sound tagger.

index    which sounds there are: labels, source, license, and which files are takes of one recording
pool     mel spectra of all sounds, made once
augment  filters, reverberation, noise and mixtures of the spectra of a batch
model    the network in torch, and its weights for the network in numpy
stage    what a step learns from, its loss, and the weights with their card
"""

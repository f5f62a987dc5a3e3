"""Trains small weights for stage 2 on renders of ToyWorld, in the formats of the full-size ones."""

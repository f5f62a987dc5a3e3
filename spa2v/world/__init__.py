"""ToyWorld: a procedural audio-visual world with exact ground truth."""

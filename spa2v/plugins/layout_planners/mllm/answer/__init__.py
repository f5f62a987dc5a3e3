"""From what a model says to a Video Scene Layout: a strict schema and a tolerant reader."""

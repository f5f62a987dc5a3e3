"""`spa2v evaluate`: what is there, scores of each clip (kept by content), tables of all."""

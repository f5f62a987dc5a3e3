"""Motion backbones: what is drawn."""

"""`spa2v ablate`: a grid over config keys, each cell scored like any configuration, in the paper's table layout."""

"""Jobs: one clip's way through both stages, many clips, and earlier runs again."""

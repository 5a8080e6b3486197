"""Factor III: config vars, sealed at rest, never interpolated."""

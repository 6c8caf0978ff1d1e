"""Whether a watch tells of each change exactly once, through all that goes wrong in a network."""

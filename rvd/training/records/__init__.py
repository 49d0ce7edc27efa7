"""Records of a training that are kept at most so many times, however long it is."""

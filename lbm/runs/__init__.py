"""Files of runs: the finished HDF5 file, and the state of an unfinished run."""

"""Two independent lattice Boltzmann solvers with one interface: Numba kernels, and pylbm."""

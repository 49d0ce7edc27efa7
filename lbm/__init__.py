"""Two-dimensional lattice Boltzmann flow solver: the vortex street behind a circular obstacle.

It is independent of `rvd`. Start at `lbm.config.VortexStreetConfig` (the parameters of a run),
`lbm.vortex_street.simulate` (the simulation) and `lbm.runs.run_file.open_run` (its output). The
command is `python -m lbm`.
"""

"""Two-dimensional lattice Boltzmann flow solver: the vortex street behind a circular obstacle.

Independent of `rvd`. Start at `lbm.config.VortexStreetConfig` (what a run is),
`lbm.vortex_street.simulate` (how it is made) and `lbm.run_file.open_run` (how its file is read);
`python -m lbm` is the command.
"""

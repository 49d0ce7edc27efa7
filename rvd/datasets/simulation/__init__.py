"""Flows simulated by ``lbm``."""

from rvd.datasets.entry import DatasetEntry
from rvd.datasets.simulation.config import SimulationConfig

ENTRY = DatasetEntry(
    "simulation",
    SimulationConfig,
    "rvd.datasets.simulation.reader:read",
    labels={"simulation": "Simulation", "simulation-perturbed": "Simulation, perturbed"},
)

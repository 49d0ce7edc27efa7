"""The paths of an experiment's artefacts. Each path is written here, and nowhere else.

Paths are strings, because Snakemake's rules take them with wildcards: ``"{dataset}"`` may be passed
for the name of a dataset.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# Files of one model on one dataset with one seed.
PREDICTOR = "predictor.safetensors"
CURVE = "curve.csv"
SAMPLES = "samples.h5"
SCORES = "scores.csv"
MAPS = "maps.h5"
SAMPLER = "sampler.yaml"
SAMPLER_COSTS = "sampler_costs.csv"
SAMPLER_COST_FIGURES = "sampler_cost"

# File of a table (without its suffix), and its title.
TABLES = {"table1": "Table 1", "ablation": "Table 2, ablations"}


class ShownResults:
    """A folder of results for people: tables, figures and the gallery.

    Args:
        folder: Path of the folder.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def table(self, name: str, suffix: str = ".csv") -> str:
        """Return the file of a table of :data:`TABLES`, as CSV, Markdown or LaTeX (``.tex``)."""
        return f"{self.folder}/{name}{suffix}"

    def tables(self) -> list[str]:
        """Return the CSV file of each table."""
        return [self.table(name) for name in TABLES]

    def figures(self, notebook: str) -> str:
        """Return the folder of the figures that a notebook draws."""
        return f"{self.folder}/figures/{notebook}"

    @property
    def gallery(self) -> str:
        """The page of forecasts, scores and curves."""
        return f"{self.folder}/gallery.html"

    @property
    def paired(self) -> str:
        """The paired tests of all models."""
        return f"{self.folder}/paired.csv"

    @property
    def missing(self) -> str:
        """The list of results that do not exist yet, next to partial tables and figures."""
        return f"{self.folder}/missing.txt"


class Layout:
    """The paths of an experiment's artefacts.

    Args:
        root: Folder that contains all of them; ``"."`` for paths without a prefix.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    def at(self, path: str) -> str:
        """Return ``path`` below the experiment's root."""
        return path if self.root == "." else f"{self.root}/{path}"

    # Data and weights.

    def videos(self, dataset: str) -> str:
        """Return the video file of a dataset."""
        return self.at(f"data/{dataset}.h5")

    def simulation(self, dataset: str, run: str) -> str:
        """Return the file of one simulated run."""
        return self.at(f"data/{dataset}/{run}.h5")

    def archive_record(self, dataset: str, archive: str) -> str:
        """Return the record of the checksum of a downloaded archive, which lies next to it."""
        return self.at(f"data/raw/{dataset}/{archive}.sha256")

    def pretrained(self, digest: str) -> str:
        """Return the downloaded checkpoint with the SHA-256 ``digest``."""
        return self.at(f"data/pretrained/{digest}")

    def pretrained_record(self, digest: str) -> str:
        """Return the record of the checksum of a downloaded checkpoint."""
        return f"{self.pretrained(digest)}.sha256"

    def weights(self, folder: str, network: str) -> str:
        """Return the published weights of a network that scores, in ``evaluation.weights``."""
        return self.at(f"{folder}/{network}.safetensors")

    # One model on one dataset with one seed.

    def checkpoints(self, dataset: str, model: str, seed: str | int) -> str:
        """Return the folder of a training's state and journal."""
        return self.at(f"checkpoints/{dataset}/{model}/seed{seed}")

    def result(self, dataset: str, model: str, seed: str | int, name: str) -> str:
        """Return the file ``name`` (such as :data:`SAMPLES`) of one model, trained or not."""
        return self.at(f"results/{dataset}/{model}/seed{seed}/{name}")

    def features(self, dataset: str) -> str:
        """Return the folder where the features of the test videos are kept."""
        return self.at(f"results/{dataset}/features")

    # The experiment as a whole.

    @property
    def config(self) -> str:
        """The resolved config."""
        return self.at("results/config.json")

    @property
    def lock(self) -> str:
        """The lock file of a running workflow."""
        return self.at(".rvd.lock")

    @property
    def shown(self) -> ShownResults:
        """Tables, figures and gallery of the complete experiment."""
        return ShownResults(self.at("results"))

    @property
    def partial(self) -> ShownResults:
        """Tables, figures and gallery of the results that exist so far."""
        return ShownResults(self.at("results/partial"))

    def flow(self, dataset: str) -> str:
        """Return the folder of the figures of a simulated dataset's runs."""
        return self.at(f"results/flow/{dataset}")

    @property
    def flow_validation(self) -> str:
        """The folder of the flow solver's validation."""
        return self.at("results/flow_validation")

    @property
    def logs(self) -> str:
        """The folder of the logs of all jobs."""
        return self.at("logs")

    def log(self, *names: str) -> str:
        """Return the log of a job, named by its rule and what sets it apart from others."""
        return f"{self.logs}/{'/'.join(names)}.log"

    def benchmark(self, *names: str) -> str:
        """Return the table of a job's time and memory, next to its log."""
        return f"{self.logs}/{'/'.join(names)}.tsv"


def pattern(names: Iterable[str]) -> str:
    """Return a regular expression that matches just ``names``; ``none`` where there are none."""
    return "|".join(re.escape(name) for name in names) or "none"

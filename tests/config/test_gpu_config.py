"""``config/gpu.yaml``: the paper's experiment with settings for a GPU."""

from pathlib import Path

from rvd.config.trained import TrainedModelConfig
from rvd.experiment.loading import load_experiment

FOLDER = Path(__file__).parents[2] / "config"


def test_it_changes_how_the_paper_is_computed_and_nothing_else():
    paper = load_experiment([FOLDER / "config.yaml"])
    gpu = load_experiment([FOLDER / "config.yaml", FOLDER / "gpu.yaml"])
    assert gpu.root != paper.root
    assert (gpu.run, gpu.datasets) == (paper.run, paper.datasets)
    for name, model in gpu.models.items():
        before = paper.models[name]
        if not isinstance(model, TrainedModelConfig):
            assert model == before
            continue
        assert model.training.precision == "bfloat16"
        assert model.training.checkpoint_minutes
        one, other = model.training_fingerprint(), before.training_fingerprint()
        assert one["training"].pop("precision") != other["training"].pop("precision")
        assert one == other
    assert gpu.evaluation.batch == "auto"
    assert gpu.compute.channels_last
    assert gpu.compute.compile != "none"

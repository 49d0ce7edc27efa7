"""The table of budgets in ``docs/reproduction.md`` is the config's."""

import re
from pathlib import Path

from rvd.config.trained import TrainedModelConfig
from rvd.experiment.loading import load_experiment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reproduction.md").read_text()
TABLE = PAGE.partition("## Budgets")[2].partition("\n## ")[0]
PAPER = load_experiment([ROOT / "config" / "config.yaml"])


def test_the_steps_of_each_trained_model_are_the_config_s():
    written = {}
    for names, steps in re.findall(r"^\| (`[^|]*`) \| ([\d,]+) \|", TABLE, re.MULTILINE):
        for name in re.findall(r"`(.+?)`", names):
            written[name] = int(steps.replace(",", ""))
    sections = {n: s for n, s in PAPER.models.items() if isinstance(s, TrainedModelConfig)}
    assert written == {name: section.training.steps for name, section in sections.items()}


def test_the_steps_of_future_gan_s_growth_are_the_config_s():
    levels = PAPER.models["future-gan"].levels.values()
    steps = [level.fading + level.stable for level in levels]
    row = next(line for line in TABLE.splitlines() if "`future-gan`" in line)
    said = row.partition("epochs of 25,600 clips:")[2].partition(";")[0]
    assert [int(n.replace(",", "")) for n in re.findall(r"\d+,\d{3}", said)] == steps
    left = PAPER.models["future-gan"].training.steps - sum(steps[:4])
    assert f"the last {left:,}" in row

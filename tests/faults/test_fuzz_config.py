"""Broken or malicious configs cannot make their reader crash, hang, or touch other files."""

import pytest
from hypothesis import strategies as st

from rvd.experiment.loading import experiment_from_mapping, load_experiment
from tests.faults.fuzz import fuzz, mangled, tree
from tests.tiny import config

pytestmark = pytest.mark.slow


class TestConfig:
    def test_text(self, folder):
        path = folder / "config.yaml"
        # A small config, since YAML is parsed slowly, with all features of YAML.
        small = b"run: {datasets: [a], models: [b], seeds: [0]}\nroot: &x .\nrevision: 1e3\ny: *x\n"
        nasty = b"a: !!python/object/apply:os.system ['touch outside']\n<<: {? [x] : y}\n"

        def read(text):
            path.write_bytes(text)
            load_experiment([path])

        fuzz("config text", mangled(small, nasty), read)
        assert tree(folder) == {str(path)}

    def test_values(self):
        """Replace any value by any other."""
        places = list(_places(config()))
        names = st.one_of(st.text(max_size=8), st.sampled_from(["; rm -rf x", "../x", "like", ""]))
        numbers = st.one_of(st.integers(), st.floats(), st.booleans(), st.none())
        values = st.recursive(
            st.one_of(names, numbers),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)
            ),
            max_leaves=4,
        )
        changes = st.lists(st.tuples(st.sampled_from(places), values), min_size=1, max_size=3)

        def read(chosen):
            values = config()
            for place, value in chosen:
                _set(values, place, value)
            experiment_from_mapping(values)

        fuzz("config values", changes, read)


def _places(values, path=()):
    for key in values:
        yield (*path, key)
        if isinstance(values[key], dict):
            yield from _places(values[key], (*path, key))


def _set(values, place, value):
    for key in place[:-1]:
        values = values.get(key) if isinstance(values, dict) else None
    if isinstance(values, dict):
        values[place[-1]] = value

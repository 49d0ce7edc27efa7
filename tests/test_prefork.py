"""Commands that are forked from a loaded process behave as those of a fresh interpreter."""

import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from tests import prefork
from tests.tiny import config, write_squares


@pytest.fixture(autouse=True)
def _forked():
    if prefork.python() == sys.executable:
        # Chosen by RVD_TEST_FRESH=1, or by a system without what the forking needs.
        pytest.skip("commands run in fresh interpreters here")


def run(*arguments, python=None, **options):
    command = [python or prefork.python(), *map(str, arguments)]
    options = {"capture_output": True, "text": True, "check": False} | options
    return subprocess.run(command, **options)


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "rvd", "--help"),
        ("-m", "rvd", "nonsense"),
        ("-m", "rvd", "inspect", "v.h5"),
        ("-m", "rvd", "inspect", "absent.h5"),
        ("-m", "lbm", "simulate"),
        ("-m", "snakemake", "--version"),
        ("-c", "import sys; print(sys.argv, flush=True); sys.exit(3)", "a b", "c"),
    ],
    ids=" ".join,
)
def test_output_and_exit_code_are_the_same(tmp_path, arguments):
    write_squares(tmp_path / "v.h5")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config()))
    one, other = (run(*arguments, python=python, cwd=tmp_path) for python in (None, sys.executable))
    assert (one.returncode, one.stdout, one.stderr) == (
        other.returncode, other.stdout, other.stderr
    )  # fmt: skip


def test_packages_of_a_test_are_loaded_by_a_fresh_interpreter(tmp_path):
    (tmp_path / "rvd").mkdir()
    (tmp_path / "rvd" / "__init__.py").touch()
    (tmp_path / "rvd" / "__main__.py").write_text("import sys\nprint('own', sys.executable)")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = run("-m", "rvd", env=environment, cwd=tmp_path)  # not in the repository's folder
    assert done.stdout == f"own {sys.executable}\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_the_command(tmp_path, number):
    """A notebook's kernel, which runs until it is stopped, and writes to a pipe of this test."""
    connection = tmp_path / "kernel.json"
    command = [prefork.python(), "-m", "ipykernel_launcher", "-f", str(connection)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while not connection.exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        # The pipe is closed when the forked process has ended, too.
        process.communicate(timeout=60)
        assert process.returncode == -number


def test_rules_call_the_same_python(tmp_path):
    (tmp_path / "Snakefile").write_text(
        'import sys\nrule all:\n    output: "a"\n'
        '    shell: "{sys.executable} -m rvd --help > {output}"\n'
    )
    done = run("-m", "snakemake", "--cores=1", "--printshellcmds", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{prefork.python()} -m rvd" in done.stderr
    assert "Probabilistic video forecasting" in (tmp_path / "a").read_text()

"""Records of trackers, read from the files of the real packages and of fake ones."""

import json
import os
import struct

# Both fake packages append what they are told to the file FAKE_RECORDS. FAKE_FAULT is a call of
# theirs that fails, such as `wandb.log.3` for the third.
FAKE = """
import json, os, time

calls = {}
NAME = __name__


def told(call, *values):
    calls[call] = calls.get(call, 0) + 1
    fault = os.environ.get("FAKE_FAULT", "")
    if fault in (f"{NAME}.{call}", f"{NAME}.{call}.{calls[call]}"):
        raise RuntimeError(f"no {call}\\nand more")
    if fault == f"{NAME}.{call}.hangs":
        time.sleep(600)
    with open(os.environ["FAKE_RECORDS"], "a") as file:
        file.write(json.dumps([NAME, call, os.getpid(), *values]) + "\\n")
"""
FAKE_WANDB = """
class Settings:
    model_fields = {"silent": None, "console": None}

    def __init__(self, **values):
        self.values = values


class Image:
    def __init__(self, array):
        self.shape = list(array.shape)


class Config:
    def update(self, values, allow_val_change):
        told("config", values)


class Run:
    def log(self, values, step):
        shapes = [i.shape for v in values.values() if isinstance(v, list) for i in v]
        told("picture" if shapes else "log", step, *(shapes or [values]))

    def finish(self):
        told("finish")


config = Config()


def init(project, id, name, dir, mode, resume, settings):
    told("init", {"project": project, "id": id, "name": name, "dir": dir, "mode": mode})
    return Run()
"""
FAKE_MLFLOW = """
import types

utils = types.SimpleNamespace(
    validation=types.SimpleNamespace(MAX_PARAM_VAL_LENGTH=500, MAX_PARAMS_TAGS_PER_BATCH=100)
)


def set_tracking_uri(uri):
    os.environ["MLFLOW_TRACKING_URI"] = uri


def search_experiments(filter_string):
    return []


def create_experiment(name, artifact_location, tags):
    return "1"


def start_run(run_id, **options):
    run = types.SimpleNamespace(info=types.SimpleNamespace(run_id=run_id or "new"))
    told("init", {"uri": os.environ["MLFLOW_TRACKING_URI"], "id": run.info.run_id})
    return run


def log_params(values):
    told("config", values)


def log_metrics(values, step):
    told("log", step, values)


def log_image(image, artifact_file):
    told("picture", int(artifact_file[-12:-4]), list(image.shape))


def end_run():
    told("finish")
"""


def write_fakes(folder):
    """Write fake packages ``wandb`` and ``mlflow``."""
    (folder / "wandb.py").write_text(FAKE + FAKE_WANDB)
    (folder / "mlflow.py").write_text(FAKE + FAKE_MLFLOW)


def told(path, package, call):
    """Return the arguments of each call of a fake package, the process first."""
    lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    return [line[2:] for line in lines if line[:2] == [package, call]]


def entries_of(path, package):
    """Return the entries that a fake package was told, by step; each step once."""
    logged = told(path, package, "log")
    entries = {step: values for _, step, values in logged}
    assert len(entries) == len(logged)
    return entries


def wandb_records(folder):
    """Yield the records of all attempts of a run of Weights & Biases, in their order."""
    from wandb.proto.wandb_internal_pb2 import Record

    for path in sorted(folder.glob("wandb/offline-run-*/run-*.wandb")):
        for data in _leveldb(path.read_bytes()):
            yield Record.FromString(data)


def wandb_entries(folder):
    """Return the entries by step, without those of Weights & Biases; each step once."""
    entries = {}
    for record in wandb_records(folder):
        if record.WhichOneof("record_type") == "history":
            items = {".".join(i.nested_key) or i.key: i.value_json for i in record.history.item}
            step = json.loads(items.get("_step", str(record.history.step.num)))
            assert step not in entries
            entries[step] = {
                name: json.loads(value) for name, value in items.items() if name[0] != "_"
            }
    return entries


def mlflow_entries(folder):
    """Return the entries of the only run of MLflow by step; each step once."""
    (metrics,) = folder.glob("mlflow/*/*/metrics")
    entries = {}
    for path in metrics.iterdir():
        for line in path.read_text().splitlines():
            _, value, step = line.split()[:3]
            entry = entries.setdefault(int(step), {})
            assert path.name not in entry
            entry[path.name] = float(value)
    return entries


def _leveldb(content):
    """Yield the records of a log of LevelDB's format, after its header."""
    block, at, record = 32768, 7, b""
    while at + 7 <= len(content):
        left = block - at % block
        if left < 7:
            at += left
            continue
        size, kind = struct.unpack("<HB", content[at + 4 : at + 7])
        record += content[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield record
            record = b""


def environment(folder, **more):
    """Return an environment with the packages in ``folder``, and none of the user's settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "MLFLOW_"))}
    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return kept | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"} | more

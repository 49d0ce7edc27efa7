"""The command line: one verb for each arrow of the pipeline."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, TextIO

import typer

from rvd.config import Experiment, load_experiment
from rvd.config.plan import Plan
from rvd.errors import UserError
from rvd.files import hush_repeated_no_room
from rvd.interruption import INTERRUPTED, Interrupted

# Verbs import what they need themselves: torch takes seconds, and `--help` needs none of it.

app = typer.Typer(
    help="Probabilistic video forecasting, from raw videos to the paper's tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Config = Annotated[
    list[Path],
    typer.Option("--config", help="YAML file; several are laid over each other, in order"),
]
Dataset = Annotated[str, typer.Option(help="name of a dataset in the config")]
Model = Annotated[str, typer.Option(help="name of a model in the config")]
Seed = Annotated[int, typer.Option(help="seed of the training")]
Videos = Annotated[Path, typer.Option(help="the dataset's video file")]
Output = Annotated[Path, typer.Option(help="file to write")]
Threads = Annotated[int | None, typer.Option(help="CPU threads to use (default: as torch decides)")]

DEFAULT_CONFIG = [Path("config/config.yaml")]


@app.callback()
def _common(
    log: Annotated[
        Path | None, typer.Option(help="also write what goes to standard error to this file")
    ] = None,
) -> None:
    # Here, for typer has set a hook of its own just before.
    hush_repeated_no_room()
    if log is not None:
        from rvd.launch import launched

        log.parent.mkdir(parents=True, exist_ok=True)
        # Of several processes none may empty the log in which another has written.
        sys.stderr = _Both(sys.stderr, log.open("a" if launched() else "w", buffering=1))


@app.command()
def fetch(
    archive: Annotated[str, typer.Argument(help="name of one of the dataset's files")],
    dataset: Dataset,
    output: Annotated[
        Path, typer.Option(help="record of its checksum, <folder>/<archive>.sha256; it lies beside")
    ],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Download one of a dataset's files, or check the one that is there."""
    from rvd.datasets.fetch import fetch

    described = _section(load_experiment(config), "datasets", dataset)
    files = described.download.files if hasattr(described, "download") else {}
    if archive not in files:
        raise UserError(f"datasets.{dataset}.download.files: there is no '{archive}'")
    if output.name != f"{archive}.sha256":
        raise UserError(f"--output: '{output.name}' is not {archive}.sha256")
    fetch(archive, described.download, output)


@app.command()
def convert(
    raw: Annotated[list[Path], typer.Argument(help="the dataset's raw files")],
    dataset: Dataset,
    output: Output,
    config: Config = DEFAULT_CONFIG,
    threads: Annotated[
        int | None, typer.Option(help="videos decoded at once (default: one a core)")
    ] = None,
) -> None:
    """Turn a dataset's raw files into a video file."""
    from rvd.datasets import convert

    described = _section(load_experiment(config), "datasets", dataset)
    convert(dataset, described, raw, output, threads)


@app.command()
def inspect(
    videos: Annotated[Path, typer.Argument(help="a video file")],
    output: Annotated[
        Path | None, typer.Option(help="contact sheet (default: the video file's name with .png)")
    ] = None,
) -> None:
    """Print what a video file holds, and draw a contact sheet of it."""
    from rvd.datasets.inspection import inspect

    sheet = output or videos.with_suffix(".png")
    print(inspect(videos, sheet))
    print(f"contact sheet: {sheet}")


@app.command()
def train(
    dataset: Dataset,
    model: Model,
    seed: Seed,
    videos: Videos,
    checkpoints: Annotated[Path, typer.Option(help="folder of the state to resume from")],
    output: Output,
    curve: Annotated[Path, typer.Option(help="CSV of the training's losses")],
    config: Config = DEFAULT_CONFIG,
    threads: Threads = None,
    processes: Annotated[
        int, typer.Option(min=1, help="that train as one, each on a GPU, through torchrun")
    ] = 1,
) -> None:
    """Train a model, from its last checkpoint when there is one."""
    from rvd.launch import launched, relaunch

    experiment = load_experiment(config)
    if processes > 1:
        threads = max(1, threads // processes) if threads else None
        if not launched():
            relaunch(processes, threads, sys.argv[1:])

    import torch

    from rvd import device
    from rvd.models import build
    from rvd.training import TrainingTask, train
    from rvd.video import VideoFile

    device.apply(experiment.compute, threads)
    section = _section(experiment, "models", model)
    settings = getattr(section, "training", None)
    if settings is None:
        raise UserError(f"models.{model}: a model of kind '{section.kind}' is not trained")
    described = _section(experiment, "datasets", dataset)
    with VideoFile(videos) as file:
        size, _, channels = file.frame_shape
        fingerprint = file.fingerprint()
    if problem := section.problem_at(size):
        raise UserError(f"models.{model}.{problem} (of {videos})")
    stamp = {"dataset": dataset, "videos": fingerprint, "revision": experiment.revision}
    task = TrainingTask(
        name=f"{dataset}/{model}",
        video=videos,
        augmentation=described.augmentation,
        seed=seed,
        stamp=stamp | {"augmentation": described.augmentation},
        checkpoints=checkpoints,
        output=output,
        curve=curve,
    )
    device.warn_of_slow_precision(settings.precision)
    torch.manual_seed(seed)
    predictor = build(section, size, channels)
    device.prepare(predictor, experiment.compute)
    device.compiled(predictor, experiment.compute)
    train(predictor, settings, task)


@app.command()
def sample(
    dataset: Dataset,
    model: Model,
    seed: Seed,
    videos: Videos,
    output: Output,
    predictor: Annotated[
        Path | None, typer.Option(help="the trained model; left out for one that is not trained")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    threads: Threads = None,
) -> None:
    """Forecast every test video."""
    from rvd import device
    from rvd.evaluation.sampling import forecaster, sample
    from rvd.video import VideoFile

    experiment = load_experiment(config)
    device.apply(experiment.compute, threads)
    _section(experiment, "datasets", dataset)
    _section(experiment, "models", model)
    with VideoFile(videos) as file:
        forecasting = forecaster(experiment, model, file, predictor)
        device.prepare(forecasting, experiment.compute)
        for module in forecasting.inner:
            device.compiled(module, experiment.compute)
        sample(
            forecasting,
            file,
            experiment,
            dataset=dataset,
            model=model,
            seed=seed,
            output=output,
        )


@app.command()
def predict(
    video: Annotated[Path, typer.Argument(help="a film, a GIF or a folder of pictures")],
    predictor: Annotated[Path, typer.Option(help="the trained model")],
    output: Annotated[Path, typer.Option(help=".gif or .mp4 to look at, .h5 to work with")],
    horizon: Annotated[int, typer.Option(min=1, help="frames to forecast")] = 16,
    ensemble: Annotated[int, typer.Option(min=1, help="futures to draw")] = 4,
    context: Annotated[int, typer.Option(min=1, help="last frames that the model is given")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="of the futures")] = 0,
    stride: Annotated[int, typer.Option(min=1, help="take every so many-th frame")] = 1,
    whole_frame: Annotated[
        bool, typer.Option(help="squeeze the frame instead of taking its central square")
    ] = False,
    frame_rate: Annotated[float, typer.Option(min=0.1, help="of the film that is written")] = 8.0,
    threads: Threads = None,
) -> None:
    """Forecast a video of your own."""
    from rvd.forecasting import check_format, forecast, read_video, write_forecast
    from rvd.models import load

    check_format(output)
    _use_threads(threads)
    model = load(predictor)
    crop = "none" if whole_frame else "center"
    frames = read_video(video, model.size, model.channels, crop, stride)  # type: ignore[arg-type]
    samples = forecast(model, frames, horizon, ensemble, seed, context=context)
    write_forecast(output, frames[-context:], samples, frame_rate)
    print(f"{output}: {ensemble} futures of {horizon} frames")


@app.command()
def fetch_weights(
    network: Annotated[str, typer.Argument(help="i3d, lpips-alex or lpips-vgg")],
    output: Output,
    file: Annotated[
        Path | None, typer.Option(help="the published file, if at hand: nothing is downloaded")
    ] = None,
) -> None:
    """Fetch the published weights of a network that scores, and check them."""
    from rvd.evaluation.weights import FETCHERS

    if network not in FETCHERS:
        raise UserError(f"'{network}' is none of {', '.join(FETCHERS)}")
    FETCHERS[network](output, file)


@app.command()
def score(
    samples: Annotated[Path, typer.Argument(help="an ensemble file")],
    output: Output,
    features: Annotated[
        Path | None, typer.Option(help="folder where I3D's features are kept for the next time")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    threads: Threads = None,
) -> None:
    """Score forecasts."""
    from rvd.evaluation.ensemble_file import EnsembleFile
    from rvd.evaluation.scoring import score, settings_for

    _use_threads(threads)
    experiment = load_experiment(config)
    with EnsembleFile(samples) as file:
        score(file, settings_for(experiment, file, features), output)


@app.command()
def tabulate(
    table: Annotated[str, typer.Option(help="table1 or ablation")],
    output: Output,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Set the scores of all models beside the paper's, as CSV, Markdown and LaTeX."""
    from rvd.evaluation.tables import Wanted, tabulate

    if table not in ("table1", "ablation"):
        raise UserError(f"--table: '{table}' is neither table1 nor ablation")
    plan = Plan(load_experiment(config))
    run = plan.experiment.run
    wanted = Wanted(run.datasets, plan.tabulated(table), run.seeds)
    scores = [Path(path) for path in plan.scores(table)]
    tabulate(scores, table, wanted, output, plan.budget())  # type: ignore[arg-type]


@app.command()
def render(
    notebook: Annotated[Path, typer.Argument(help="a notebook of this project")],
    output: Annotated[Path, typer.Option(help="folder for notebook, HTML and figures")],
    dataset: Annotated[
        str | None, typer.Option(help="the simulated dataset whose runs the notebook shows")
    ] = None,
    costs: Annotated[
        Path | None, typer.Option(help="what tune-sampler wrote, for the notebook of it")
    ] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Execute a notebook on the results of an experiment."""
    from rvd.notebooks import render

    plan = Plan(load_experiment(config))
    if dataset is not None:
        if not plan.simulated([dataset] if dataset in plan.experiment.datasets else []):
            raise UserError(f"--dataset: '{dataset}' is not a simulated dataset of the config")
        shown = plan.runs(dataset)
        shown["runs"] = [str(Path(path).absolute()) for path in shown["runs"]]
        render(notebook, output, shown)
        return
    if costs is not None:
        render(notebook, output, {"costs": str(costs.absolute())})
        return
    files = {
        "samples": plan.results("samples.h5"),
        "scores": plan.results("scores.csv"),
        "curves": plan.curves(),
    }
    parameters: dict[str, Any] = {
        key: [str(Path(path).absolute()) for path in files[key]] for key in files
    }
    parameters["tables"] = {
        name: str(Path(plan.at(f"results/{name}.csv")).absolute())
        for name in ("table1", "ablation")
    }
    render(notebook, output, {**parameters, "periods": plan.periods()})


@app.command()
def gallery(output: Output, config: Config = DEFAULT_CONFIG) -> None:
    """Build the page of moving forecasts, scores and curves."""
    from rvd.gallery import Contents, build_gallery
    from rvd.provenance import provenance
    from rvd.status import format_accounts, progress_of

    plan = Plan(load_experiment(config))
    tables = {"Table 1": "results/table1.csv", "Table 2, ablations": "results/ablation.csv"}
    contents = Contents(
        samples=[Path(path) for path in plan.results("samples.h5")],
        scores=[Path(path) for path in plan.results("scores.csv")],
        curves=[Path(path) for path in plan.curves()],
        tables={title: Path(plan.at(path)) for title, path in tables.items()},
        periods=plan.periods(),
        provenance=provenance(plan.experiment) | {"Trainings": format_accounts(progress_of(plan))},
        megabytes=plan.experiment.gallery.megabytes,
    )
    build_gallery(contents, output)


@app.command()
def tune_sampler(
    dataset: Dataset,
    model: Model,
    videos: Videos,
    predictor: Annotated[Path, typer.Option(help="the trained model")],
    output: Annotated[Path, typer.Option(help="YAML to lay over the config: the chosen sampler")],
    costs: Annotated[Path, typer.Option(help="CSV of CRPS against cost")],
    most_steps: Annotated[int, typer.Option(min=1, help="steps that may be afforded")] = 32,
    clips: Annotated[int, typer.Option(min=1, help="validation clips")] = 4,
    steps: Annotated[
        list[int] | None, typer.Option(min=1, help="a number of steps to try; may be repeated")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    threads: Threads = None,
) -> None:
    """Choose RVD's sampler, steps and clip on validation videos."""
    from rvd.evaluation import tuning
    from rvd.models import load
    from rvd.models.rvd import ResidualVideoDiffusion
    from rvd.video import VideoFile

    _use_threads(threads)
    experiment = load_experiment(config)
    section = _section(experiment, "models", model)
    horizon = _section(experiment, "datasets", dataset).horizon
    trained = load(predictor, section if hasattr(section, "training") else None)
    if not isinstance(trained, ResidualVideoDiffusion):
        raise UserError(f"models.{model}: a model of kind '{section.kind}' has no sampler")
    protocol = experiment.evaluation
    task = tuning.TuningTask(protocol.context, horizon, protocol.ensemble, clips, protocol.seed)
    every = trained.config.diffusion_steps
    samplers = list(tuning.candidates(every, most_steps, steps or tuning.STEPS))
    trials = []
    with VideoFile(videos) as file:
        for trial in tuning.try_samplers(trained, file, task, samplers):
            trials.append(trial)
            tuning.write_costs(costs, trials, every)
    chosen = tuning.choose(trials, every, most_steps)
    tuning.write_choice(output, model, chosen)
    print(output.read_text(), end="")


@app.command()
def summary(results: Annotated[Path, typer.Argument(help="a folder of results")]) -> None:
    """Print the tables, and where the gallery is."""
    from rvd.evaluation.table_text import format_table

    for name in ("table1", "ablation"):
        print(f"\n{results / name}.csv\n\n{format_table(results / f'{name}.csv')}")
    print(f"\nGallery: {(results / 'gallery.html').absolute()}")


@app.command()
def status(
    config: Config = DEFAULT_CONFIG,
    every: Annotated[
        float | None, typer.Option(min=0.5, help="print again every so many seconds")
    ] = None,
) -> None:
    """Show how far every model is, from the journals and results."""
    import time

    from rvd.status import format_progress, progress_of

    plan = Plan(load_experiment(config))
    while True:
        print(format_progress(list(progress_of(plan))), flush=True)
        if every is None:
            return
        time.sleep(every)
        print()


@app.command()
def import_official(
    checkpoint: Annotated[Path, typer.Argument(help="a checkpoint of the authors' code")],
    output: Output,
    ema: Annotated[bool, typer.Option("--ema", help="take the averaged weights")] = False,
    size: Annotated[int | None, typer.Option(help="height and width of the frames")] = None,
) -> None:
    """Turn a checkpoint that the authors published into a predictor file."""
    from rvd.models import save
    from rvd.models.official import import_official

    save(import_official(checkpoint, average=ema, size=size), output, {"imported": checkpoint.name})


def _section(experiment: Experiment, kind: str, name: str) -> Any:
    known = getattr(experiment, kind)
    if name not in known:
        raise UserError(f"{kind}: '{name}' does not exist; there are {', '.join(sorted(known))}")
    return known[name]


def _use_threads(threads: int | None) -> None:
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


class _Both:
    """A stream that writes to two; a terminal if the first is one."""

    def __init__(self, first: TextIO, second: TextIO) -> None:
        self.first, self.second = first, second

    def write(self, text: str) -> int:
        self.second.write(text)
        return self.first.write(text)

    def flush(self) -> None:
        self.first.flush()
        self.second.flush()

    def isatty(self) -> bool:
        return self.first.isatty()

    def fileno(self) -> int:
        return self.first.fileno()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; mistakes of the user end with one line and exit code 2."""
    try:
        app(arguments, standalone_mode=True)
    except UserError as error:
        _end(str(error), 2)
    except Interrupted as stopped:
        _end(str(stopped), INTERRUPTED)
    except KeyboardInterrupt:
        _end("interrupted", 128 + 2)


def _end(message: str, code: int) -> NoReturn:
    print("\n".join(f"rvd: {line}" for line in message.splitlines()), file=sys.stderr)
    sys.stderr.flush()
    # Not sys.exit: on a full disk HDF5 crashes as it closes its files at the interpreter's end.
    os._exit(code)

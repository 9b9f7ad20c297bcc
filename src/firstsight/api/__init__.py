"""The verbs as plain functions: the one door that the command line and the service go through.

Those of galleries are in :mod:`firstsight.api.galleries`, those of what happened in :mod:`firstsight.api.audit`, those
of keys in :mod:`firstsight.api.access`, those of published systems in :mod:`firstsight.api.reproductions`.

Only this module imports :mod:`firstsight.learn`, and only inside the function that needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from firstsight import occlusion
from firstsight.api.access import add_key, keys, revoke_key
from firstsight.api.audit import attendance, events, export_subject, forget
from firstsight.api.doctor import doctor
from firstsight.api.galleries import (
    annotate,
    check,
    create,
    drop,
    enroll,
    export_gallery,
    galleries,
    identify,
    identify_data,
    identities,
    import_gallery,
    merge,
    rebuild,
    references,
    remove,
    rename,
    replace,
    verify,
)
from firstsight.api.reproductions import reproduce, reproductions
from firstsight.calibration import DEFAULT_CURVE, Calibration, CurveKind, named_target
from firstsight.datasets import catalogue as data_sets
from firstsight.datasets.readings import Progress
from firstsight.errors import UsageError
from firstsight.evaluation import calibrate as calibration
from firstsight.evaluation import run
from firstsight.evaluation.protocols import protocols
from firstsight.evaluation.subject import Settings
from firstsight.model import Model, models
from firstsight.places import free, place_of
from firstsight.progress import listener
from firstsight.types import Decision, Info, Report, Source, Why

if TYPE_CHECKING:
    from firstsight.learn.events import Event


def train(
    recipe: str | None = None,
    *changes: str,
    data: str | Path | None = None,
    from_: Model | str | Path | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    so_far: bool = False,
    overwrite: bool = False,
    tensorboard: str | Path | None = None,
    encoder: object | None = None,
    listen: Callable[[Event], None] | None = None,
) -> Model:
    """Learn a similarity from labelled examples.

    Args:
        recipe: a shipped name, or the path of a TOML file; may be left out with ``from_``.
        changes: ``section.key=value``, such as ``encoder.width=64``.
        data: an address to learn from instead of the recipe's; a folder or manifest is split by class, and the held-out
            classes serve validation and calibration.
        from_: a model to begin with, which decides input, encoder and similarity, and without a recipe all but data.
        out: directory of the model; default ``./RECIPE-model``, or ``./MODEL-further`` without a recipe.
        resume: go on from the checkpoint in ``out``, to the very model that the stopped run would have given.
        so_far: learn no further: write the model of what the stopped run in ``out`` has learned, from which it may go
            on.
        overwrite: replace a model that is already in ``out``.
        tensorboard: a folder for TensorBoard, which then shows what ``metrics.jsonl`` holds.
        encoder: a ``torch.nn.Module`` to stand on, from images ``(n, c, h, w)`` to features ``(n, f)`` or a map of
            them; it is copied. With the recipe ``backbone`` it stays frozen unless ``encoder.frozen=false``.
        listen: called with what happens; without it a notebook is shown a line every few seconds, a program nothing.

    Raises:
        UsageError, DataError, ModelError, TrainingError, StorageError: see each.

    Example:
        >>> model = train("glyphs", "training.steps=500", out="./quick")  # doctest: +SKIP
        >>> train(from_=model, data="folder:./signs", out="./signs-model")  # doctest: +SKIP
    """
    with _lab("training"):
        from firstsight.learn import recipe as recipes
        from firstsight.learn import start
        from firstsight.learn import train as training
    if encoder is not None:
        changes = ("encoder.name=module", *changes)
    place = place_of(recipe, from_, out)
    chosen = recipes.load(recipe or "", changes) if from_ is None else start.recipe_from(_model(from_), recipe, changes)
    if data is not None:
        also = [change for change in changes if change.startswith(training.REPLACED)]
        if also:
            raise UsageError(f"the data {data} and {also[0]} came, which replace each other; give one of them")
        chosen = training.with_data(chosen, data)
    free(place, overwrite=overwrite, resume=resume or so_far)
    listen = listen or listener()
    if so_far:
        return training.so_far(chosen, place, listen=listen, network=encoder)
    board = None if tensorboard is None else Path(tensorboard)
    return training.train(chosen, place, resume=resume, tensorboard=board, listen=listen, network=encoder)


def export(
    model: Model | str | Path, changes: Sequence[str] = (), *, out: str | Path, overwrite: bool = False
) -> Model:
    """Write a trained model again with other ``[export]`` settings, such as ``export.half=true``: half the size.

    The new model has a fingerprint of its own and no calibration.

    Args:
        model: loaded, shipped by name, or a directory.
        changes: ``export.key=value``.
        out: directory of the new model.
        overwrite: replace a model that is already in ``out``.

    Raises:
        UsageError, ModelError, TrainingError, StorageError: see each.
    """
    with _lab("exporting"):
        from firstsight.learn.export.directory import save_again
    return save_again(_model(model), free(Path(out), overwrite=overwrite), changes)


def quantise(
    model: Model | str | Path,
    data: str | Path | None = None,
    *,
    out: str | Path,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Model:
    """Write an int8 copy of a model: about twice as fast, a little less exact.

    The copy has a fingerprint of its own and no calibration.

    Args:
        model: loaded, shipped by name, or a directory.
        data: an address of data like that it will see; default what it learned from.
        out: directory of the copy.
        overwrite: replace a model that is already in ``out``.
        progress: called while the data is decoded.

    Raises:
        ModelError, DataError, TrainingError, StorageError: see each.
    """
    with _lab("quantising"):
        from firstsight.learn.export import quantise as quantising
    loaded = _model(model)
    place = free(Path(out), overwrite=overwrite)
    return quantising.quantise(loaded, data or loaded.spec.trained.data, place, progress=progress)


def evaluate(
    model: Model | str | Path,
    protocol: str,
    data: str | Path | None = None,
    *,
    ways: int | None = None,
    shots: int | None = None,
    tasks: int | None = None,
    across: str | None = None,
    seed: int = 0,
    same_names_are_different: bool = False,
    report: str | Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Measure a model on classes it has not seen.

    Args:
        model: loaded, shipped by name, or a directory.
        protocol: a name of ``firstsight protocols``.
        data: an address, for protocols that are not fixed to one.
        ways, shots, tasks: N classes a task, K references a class, number of tasks (20, 1 and 1000).
        across: ``origins`` (default), ``styles`` or ``examples``: what sets reference and probe apart.
        seed: of every draw.
        same_names_are_different: your classes are others under the names of learned ones (001, 002); only content
            counts then.
        report: where to write a self-contained HTML page.
        progress: called while the data is decoded.

    Raises:
        DataError: the data shares classes with the model's training data.
    """
    given = {"ways": ways, "shots": shots, "tasks": tasks, "across": across}
    chosen = {k: v for k, v in given.items() if v is not None}
    settings = Settings(seed=seed, **chosen)  # type: ignore[arg-type]
    loaded = _model(model)
    result = run.evaluate(
        loaded,
        protocol,
        data,
        settings=settings,
        chosen=frozenset(chosen),
        same_names_are_different=same_names_are_different,
        progress=progress,
    )
    if report is not None:
        from firstsight.report.page import write_page

        write_page(result, Path(report), loaded)
    return result


def calibrate(
    model: Model | str | Path,
    data: str | Path | None = None,
    *,
    fmr: float | None = None,
    fnmr: float | None = None,
    fpir: float | None = None,
    gallery_size: int | None = None,
    precision: float | None = None,
    cost: float | None = None,
    prior: float | None = None,
    eer: bool = False,
    confidence: float = 0.5,
    curve: CurveKind | None = None,
    seed: int = 0,
    same_names_are_different: bool = False,
    progress: Progress | None = None,
) -> Calibration:
    """Give a model a probability and the threshold that meets a target; saved in the model.

    Args:
        model: a directory (a shipped model is not changed by name).
        data: an address of classes the model has not seen; default what its recipe holds out.
        fmr: target false match rate of one comparison; 0.01 when no target is named.
        fnmr: or: target false non-match rate.
        fpir: or: how often a stranger may be taken for someone, among ``gallery_size`` identities.
        precision: or: the share of "same" answers that must be right, when ``prior`` of the pairs are the same.
        cost: or: least cost, where a false match costs so many times a false non-match, at ``prior``.
        prior: share of same pairs among those met in use (0.5), for precision and cost.
        gallery_size: N, for fpir.
        eer: or: where both error rates are equal.
        confidence: in what share of resamples of the classes the target must be met; 0.5 takes the data as it is,
            0.95 is for few classes.
        curve: of the probability: platt (default), beta or isotonic.
        seed: of the draw of pairs.
        same_names_are_different: as for :func:`evaluate`.
        progress: called while the data is decoded.

    Raises:
        CalibrationError: several targets, or one that is not a rate, or no threshold can help.
        DataError: the data shares classes with the model's training data.
    """
    rates = {"fmr": fmr, "fnmr": fnmr, "fpir": fpir, "precision": precision, "cost": cost}
    target = named_target(rates, eer=eer, gallery_size=gallery_size, prior=prior)
    loaded = _model(model)
    return calibration.calibrate(
        loaded,
        data,
        target=target,
        confidence=confidence,
        curve=curve or DEFAULT_CURVE,
        seed=seed,
        same_names_are_different=same_names_are_different,
        progress=progress,
    )


def compare(model: Model | str | Path, left: Source, right: Source, *, why: str | Path | None = None) -> Decision:
    """Are these two the same? Without a calibration there is a score and no decision.

    Args:
        model: loaded, shipped by name, or a directory.
        left, right: two sources; pixels are RGB.
        why: where to write a PNG picture of both, with what matched laid over them.

    Raises:
        InputError: a source cannot be read, or shows nothing to recognise.
        StorageError: the picture can't be written.
    """
    loaded = _model(model)
    decision = loaded.compare(left, right)
    if why is not None:
        from firstsight.report.overlay import write_overlay

        write_overlay(left, right, occlusion.why(loaded, left, right), Path(why))
    return decision


def why(model: Model | str | Path, left: Source, right: Source) -> Why:
    """Which places of two sources made their score as high as it is; see :mod:`firstsight.occlusion`.

    Raises:
        InputError: a source cannot be read, or shows nothing to recognise.
    """
    return occlusion.why(_model(model), left, right)


def recipes() -> list[Info]:
    """The shipped recipes, with the first line of each."""
    files = sorted((Path(__file__).parents[1] / "learn" / "recipes").glob("*.toml"))
    return [Info(f.stem, f.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")) for f in files]


@contextmanager
def _lab(verb: str) -> Iterator[None]:
    """Import what learns: where it is not installed, a sentence says so."""
    try:
        yield
    except ImportError as error:
        if error.name not in ("torch", "onnx", "onnxscript", "safetensors"):
            raise
        raise UsageError(
            f"{verb} needs {error.name}, which is not installed; pip install 'firstsight[train]'"
        ) from None


def _model(model: Model | str | Path) -> Model:
    return model if isinstance(model, Model) else Model.load(model)


__all__ = [
    "add_key",
    "annotate",
    "attendance",
    "calibrate",
    "check",
    "compare",
    "create",
    "data_sets",
    "doctor",
    "drop",
    "enroll",
    "evaluate",
    "events",
    "export",
    "export_gallery",
    "export_subject",
    "forget",
    "galleries",
    "identify",
    "identify_data",
    "identities",
    "import_gallery",
    "keys",
    "merge",
    "models",
    "protocols",
    "quantise",
    "rebuild",
    "recipes",
    "references",
    "remove",
    "rename",
    "replace",
    "reproduce",
    "reproductions",
    "revoke_key",
    "train",
    "verify",
    "why",
]

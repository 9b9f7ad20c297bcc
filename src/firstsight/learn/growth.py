"""What training further does to accuracy: the model begun with and the new one, asked about the same held-out data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from torch import nn

from firstsight.datasets import DataSet, absolute, open_labelled, refuse_overlap
from firstsight.errors import DataError, FirstSightError, UsageError
from firstsight.evaluation.oneshot import Episodes, query_credits
from firstsight.learn.data import note_copies, tasks_of
from firstsight.learn.events import Event, Listener
from firstsight.learn.export.directory import load_encoder
from firstsight.learn.export.readable import LabEmbedder
from firstsight.learn.recipe import Recipe
from firstsight.model import Model
from firstsight.spec import GrowthSpec
from firstsight.types import PixelArray

Which: TypeAlias = Literal["old", "new"]
MEND = "name held-out examples of the old classes, or classes like them: data.old_validation=ADDRESS"


@dataclass(frozen=True)
class Watched:
    """Held-out data with its tasks, and how well the model begun with solves them.

    Attributes:
        data: neither network learned from it.
        arrays: its readings ``(n, c, h, w)``.
        episodes: drawn from it.
        learned: so many of its classes the model begun with had learned.
        before: mean credit of that model.
    """

    data: DataSet
    arrays: PixelArray
    episodes: Episodes
    learned: int
    before: float

    def grown(self, after: LabEmbedder) -> GrowthSpec:
        """The figures of both, once the new network is trained."""
        return GrowthSpec(
            data=absolute(self.data.name),
            figure=f"{self.episodes.support.shape[1]}-way 1-shot accuracy",
            classes=len(self.data.classes),
            learned=self.learned,
            before=self.before,
            after=solved(after, self.arrays, self.episodes),
        )


def open_old(recipe: Recipe, data: DataSet, listen: Listener) -> DataSet | None:
    """What shows what is forgotten: what the recipe names, or what the model begun with was held out from.

    Classes that model learned may be among those that the recipe names; examples that are learned from may not.

    Args:
        recipe: of a run that may start from a model.
        data: what is learned from.
        listen: told where nothing can be measured, and why.

    Raises:
        UsageError: data for it is named and there is no model to start from.
        DataError: what the recipe names can't be opened, or holds what is learned from.
    """
    named = recipe.data.old_validation
    if not recipe.training.start:
        if named:
            raise UsageError(f"data.old_validation={named} goes with a model to start from; add --from MODEL")
        return None
    if named:
        held = open_labelled(named)
        learned = set(data.keys)
        shared = sum(key in learned for key in held.keys) if held.kind == data.kind else 0
        if shared:
            raise DataError(f"{held.name} shares {shared} of its {len(held)} images with what is learned from; {MEND}")
        note_copies(data, held, listen)
        return held
    model = Model.load(recipe.training.start)
    trained = model.spec.trained
    address = trained.calibration_data or str(trained.settings.get("data", {}).get("validation", ""))
    if not address:
        listen(Event("note", message=f"what {model.name} forgets isn't measured, since it names no such data; {MEND}"))
        return None
    try:
        held = open_labelled(address)
        refuse_overlap("what is learned from", held, data.class_names, MEND)
        refuse_overlap(f"what {model.name} was trained on", held, model.trained_classes, MEND)
    except FirstSightError as error:
        listen(Event("note", message=f"what {model.name} forgets isn't measured: {error}"))
        return None
    return held


def watch(
    recipe: Recipe,
    old: DataSet | None,
    new: DataSet | None,
    read: Callable[[DataSet], PixelArray],
    listen: Listener,
    network: nn.Module | None = None,
) -> dict[Which, Watched]:
    """Ask the model begun with, and say how well it does; nothing for a run from nothing.

    Args:
        recipe: names that model, and how many tasks.
        old, new: held-out data like that of the first training, and of this one.
        read: decodes a data set.
        listen: told the figures.
        network: the torch module that the model begun with learned in, where no file describes it.
    """
    if not recipe.training.start:
        return {}
    model = Model.load(recipe.training.start)
    embedder = LabEmbedder(*load_encoder(model, network), recipe.export.views)
    found: dict[Which, Watched] = {}
    sides: tuple[tuple[Which, DataSet | None], ...] = (("old", old), ("new", new))
    for which, data in sides:
        episodes = tasks_of(data, recipe.training.validation_tasks) if data else None
        if data is None or episodes is None:
            continue
        arrays = read(data)
        learned = len(data.class_names & model.trained_classes)
        found[which] = Watched(data, arrays, episodes, learned, solved(embedder, arrays, episodes))
        ways = episodes.support.shape[1]
        message = f"{model.name} on {data.name}: {ways}-way 1-shot accuracy {found[which].before:.1%} before"
        listen(Event("note", message=message))
    if old and "old" not in found:
        listen(Event("note", message=f"{old.name} is too small to see what is forgotten; {MEND}"))
    return found


def solved(embedder: LabEmbedder, arrays: PixelArray, episodes: Episodes) -> float:
    """Mean credit of an embedder's answers to tasks drawn from readings ``(n, c, h, w)``."""
    return float(query_credits(embedder, embedder.embed_arrays(arrays), episodes).mean())

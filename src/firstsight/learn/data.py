"""What a run learns from and is watched on, after the checks that save an hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from firstsight.datasets import DataSet, open_data, refuse_overlap
from firstsight.datasets.copies import Contents
from firstsight.datasets.dataset import OWN
from firstsight.datasets.depths import chosen, depths_of, told
from firstsight.datasets.portion import joined, portion
from firstsight.datasets.splits import duplicates
from firstsight.errors import DataError, UsageError, count
from firstsight.evaluation.oneshot import Episodes, any_classes, within_group
from firstsight.learn.events import Event, Listener
from firstsight.learn.recipe import Recipe
from firstsight.types import IntArray, PixelArray


def open_both(recipe: Recipe, listen: Listener) -> tuple[DataSet, DataSet | None]:
    """Training and validation data, after the checks that save an hour."""
    if not recipe.data.train:
        begun = f"--from {recipe.training.start}" if recipe.training.start else recipe.name
        raise UsageError(f"recipe {recipe.name!r} learns from your data; name it: firstsight train {begun} ./photos")
    data = _learned(recipe, listen)
    _check_sizes(data, recipe, listen)
    held = open_data(recipe.data.validation) if recipe.data.validation else None
    for note in data.notes:
        listen(Event("note", message=f"{data.name}: {note}"))
    for note in held.notes if held else ():
        if note not in data.notes:
            listen(Event("note", message=f"{recipe.data.validation}: {note}"))
    if held:
        refuse_overlap("the training data", held, data.class_names, "validate on other classes")
        note_copies(data, held, listen)
    return data, held


def _check_sizes(data: DataSet, recipe: Recipe, listen: Listener) -> None:
    """Refuse what shows no difference, or nothing that stays the same."""
    if without_labels(recipe):
        if len(data) < 2:
            raise DataError(f"{data.name} has one image only, nothing to tell it from; add images")
        return
    if len(data.classes) < 2:
        raise DataError(
            f"{data.name} has one class only ({', '.join(data.classes)}), nothing to tell it from; add classes"
        )
    counts = np.bincount(data.labels)
    single = [data.classes[c] for c in np.flatnonzero(counts == 1)]
    if len(single) == len(data.classes):
        raise DataError(
            f"every class of {data.name} has one image, so nothing shows what stays the same; add images, or learn "
            "without labels: sampling.name=views"
        )
    if single:
        names = ", ".join(single[:3]) + (", ..." if len(single) > 3 else "")
        classes = count(len(single), "class has", "classes have")
        listen(Event("note", message=f"{classes} one image ({names}): nothing shows how they vary"))


def note_copies(data: DataSet, held: DataSet, listen: Listener) -> None:
    """Tell of held-out images that are learned from under another name."""
    copies = duplicates(data, held) if not data.name.startswith(("omniglot", "icons")) else []
    if copies:
        one, other = copies[0]
        images = count(len(copies), "held-out image is a copy", "held-out images are copies")
        message = f"warning: {images} of training images ({other.source} = {one.source})"
        listen(Event("note", message=f"{message}: held-out figures will flatter"))


def note_repacked(learned: Contents, held: DataSet, arrays: PixelArray, listen: Listener) -> None:
    """Tell of held-out images that are learned from in another format: other bytes, the same reading.

    Args:
        learned: what tells the images again that are learned from.
        held: what is held out.
        arrays: ``(n, c, h, w)`` its readings.
        listen: is told.
    """
    if held.kind != OWN:  # published splits are taken as they are
        return
    found = np.flatnonzero(learned.of_readings(arrays) & ~learned.of_images(held.keys))
    if len(found):
        images = count(len(found), "held-out image is read", "held-out images are read")
        message = f"warning: {images} just as training images are ({held.examples[found[0]].source})"
        listen(Event("note", message=f"{message}: held-out figures will flatter"))


def _learned(recipe: Recipe, listen: Listener) -> DataSet:
    """What is learned from: of the data the part that was asked for, and old classes beside it."""
    asked = recipe.data
    whole = open_classes(recipe, asked.train)
    data = portion(
        whole,
        groups=asked.groups,
        classes=asked.classes,
        origins=asked.origins,
        each=asked.each,
        tail=asked.tail,
        seed=asked.seed,
    )
    if len(data) < len(whole):
        classes = f"{len(data.classes):,} of {count(len(whole.classes), 'class', 'classes')}"
        part = f"{len(data):,} of {count(len(whole), 'image', 'images')} ({classes})"
        listen(Event("note", message=f"learning from {part} of {data.name}"))
    if asked.old_each and not asked.old:
        raise UsageError(f"data.old_each is {asked.old_each} of no old classes; name their examples: data.old=ADDRESS")
    if not asked.old:
        return data
    if not recipe.training.start:
        raise UsageError(f"data.old={asked.old} goes with a model to start from, which knows these classes; add --from")
    old = portion(open_classes(recipe, asked.old), each=asked.old_each, seed=asked.seed)
    both = joined(data, old)
    images = count(len(both) - len(data), "image", "images")
    message = f"learning {images} of {count(len(old.classes), 'old class', 'old classes')} again ({old.name})"
    listen(Event("note", message=message))
    return both


def open_classes(recipe: Recipe, address: str) -> DataSet:
    """Data that a recipe can learn from: examples with labels.

    Raises:
        DataError: it holds pairs, of which no comparison can be drawn; or can't be opened.
    """
    data = open_data(address)
    if data.pairs:
        comparison, loss = (recipe.sections[section]["name"] for section in ("comparison", "loss"))
        raise DataError(
            f"{data.name} holds pairs (left,right,same), which have no classes, and comparison {comparison!r} of loss "
            f"{loss!r} is drawn from classes; name a folder of classes, or a manifest with the columns path,label"
        )
    return data


def with_depth(recipe: Recipe, sets: Sequence[DataSet], listen: Listener) -> Recipe:
    """The recipe with one depth for all pictures of more than 8 bits, where there are such and it states none."""
    stated, found = recipe.settings("input").get("depth", 0), Counter[int]()
    if not stated:
        found = depths_of(sets)
    if not found:
        return recipe
    bits = chosen(found)
    listen(Event("note", message=f"input.depth={bits} is stated from now on ({told(found)}); the model keeps it"))
    return replace(recipe, sections={**recipe.sections, "input": {**recipe.sections["input"], "depth": bits}})


def tasks_of(held: DataSet, tasks: int) -> Episodes | None:
    """Tasks for validation: within groups where classes have them, else across origins; as many ways as there are."""
    if len(held.groups[0]) > 1:
        try:
            return within_group(held, ways=20, tasks=tasks, seed=1)[0]
        except DataError:  # groups too small for Lake's form
            pass
    try:
        usable = min(20, sum(count > 1 for count in np.bincount(held.labels)))
        return any_classes(held, ways=max(2, usable), shots=1, tasks=tasks, seed=1)
    except DataError:
        return None


def without_labels(recipe: Recipe) -> bool:
    """Whether the recipe learns from views of images, whatever their classes."""
    return str(recipe.sections["sampling"]["name"]) == "views"


def told_apart(data: DataSet, recipe: Recipe) -> IntArray:
    """What training tells apart, for each example ``(n,)``: its class; or itself, where labels are not looked at."""
    return np.arange(len(data)) if without_labels(recipe) else data.labels

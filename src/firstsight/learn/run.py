"""The parts of one training run, put together as a recipe says: data, network, objective, checkpoints, export."""

from __future__ import annotations

import hashlib
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from firstsight.datasets import DataSet, absolute, open_data, open_labelled, refuse_overlap
from firstsight.datasets.readings import read_all
from firstsight.datasets.splits import duplicates
from firstsight.errors import DataError, TrainingError, UsageError, count
from firstsight.evaluation.oneshot import Episodes, any_classes, query_credits, within_group
from firstsight.files import write_atomically
from firstsight.learn import checkpoint, memory
from firstsight.learn.augment import augment, turn
from firstsight.learn.export import LabEmbedder, save
from firstsight.learn.fit import effective_dimensions, make_optimiser
from firstsight.learn.recipe import Recipe
from firstsight.learn.similarities import TorchSimilarity
from firstsight.learn.start import load_weights, place_proxies
from firstsight.model import Model
from firstsight.spec import TrainingSpec

COLLAPSED = 1.5  # effective dimensions; a healthy batch fills ten or more


@dataclass(frozen=True, slots=True)
class Event:
    """What happens while training, for whoever shows it.

    Attributes:
        kind: ``note``, ``reading`` (decoding the data) or ``step``.
        step, steps: how far, of how much.
        message: for people.
        values: numbers, by name.
    """

    kind: str
    step: int = 0
    steps: int = 0
    message: str = ""
    values: dict[str, float] | None = None


Listener = Callable[[Event], None]


class Run:
    """The parts of one run, made from a recipe."""

    def __init__(self, recipe: Recipe, out: Path, listen: Listener) -> None:
        self.recipe, self.out, self.listen = recipe, out, listen
        self.log = out / "metrics.jsonl"
        self.began = (time.perf_counter(), time.process_time())
        settings = recipe.training
        torch.manual_seed(settings.seed)
        self.data, self.held = _open(recipe, listen)
        self.reader = recipe.part("input")(**recipe.settings("input"))
        sets = [self.data, *([self.held] if self.held else [])]
        listen(Event("note", message=memory.sentence(sets, self.reader.shape)))
        self.arrays = torch.from_numpy(self._read(self.data))
        self.labels = torch.from_numpy(self.data.labels)
        self.held_arrays = self._read(self.held) if self.held else None
        self.episodes = _episodes(self.held) if self.held else None
        if self.held and self.episodes is None:
            listen(Event("note", message=f"{self.held.name} is too small to watch progress on: no held-out accuracy"))
        self.similarity: TorchSimilarity = recipe.part("similarity")(**recipe.settings("similarity"))
        self.encoder, self.started_from, self.inherited = self._encoder()
        with torch.inference_mode():  # and in evaluation mode, or a black image would enter the batch statistics
            self.dim = int(self.encoder.eval()(torch.zeros(2, *self.reader.shape)).shape[1])
        self.classes = len(self.data.classes)
        self.comparison: nn.Module = recipe.part("comparison")(
            self.similarity, self.dim, self.classes * settings.turns, **recipe.settings("comparison")
        )
        self.loss = partial(recipe.part("loss").function, **recipe.settings("loss"))
        self.sampler = recipe.part("sampling")(
            self.data.labels, self.data.groups[1], settings.seed, **recipe.settings("sampling")
        )
        self.augment: Callable[[Tensor, torch.Generator], Tensor] = partial(augment, **recipe.settings("augment"))
        self.optimiser = make_optimiser(
            [self.encoder, self.comparison],
            lr=recipe.optimiser.lr,
            weight_decay=recipe.optimiser.weight_decay,
        )
        self.average = AveragedModel(self.encoder, avg_fn=_average(settings.average), use_buffers=True)
        self.validation: dict[str, float] = {}
        self.earlier = (0.0, 0.0, 0)  # wall and core seconds, and peak memory, of the runs this one goes on from
        self.flat_checks = 0

    def _read(self, data: DataSet) -> Any:
        return read_all(
            data,
            self.reader,
            progress=lambda done, all_: self.listen(Event("reading", done, all_, data.name)),
        )

    def _encoder(self) -> tuple[nn.Module, str, frozenset[str]]:
        channels, size, _ = self.reader.shape
        encoder: nn.Module = self.recipe.part("encoder")(channels, size, **self.recipe.settings("encoder"))
        origin, inherited = "", frozenset[str]()
        if self.recipe.training.start:
            model = Model.load(self.recipe.training.start)
            load_weights(encoder, model, self.recipe)
            inherited = model.trained_classes
            if self.held:
                refuse_overlap(f"what {model.name} was trained on", self.held, inherited, "validate on other classes")
            origin = f"{model.name} {model.fingerprint}"
        return encoder.to(memory_format=torch.channels_last), origin, inherited  # type: ignore[call-overload]

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The images and labels of a step: a function of seed and step alone."""
        generator = self._generator(step)
        torch.manual_seed(self._seed(f"{step}:dropout"))  # what the network itself draws
        index = torch.from_numpy(self.sampler.batch(step))
        images, labels = self.arrays[index].to(torch.float32) / 255, self.labels[index]
        images, labels = turn(images, labels, self.classes, self.recipe.training.turns, generator)
        return self.augment(images, generator), labels

    def objective(self, embeddings: Tensor, labels: Tensor, step: int) -> Tensor:
        """Similarity, comparison and loss."""
        prepared = self.similarity.prepare(embeddings)
        comparison = self.comparison(prepared, labels, self._generator(~step))
        loss: Tensor = self.loss(comparison.score, comparison.same, comparison.weight)
        return loss

    def _generator(self, step: int) -> torch.Generator:
        return torch.Generator().manual_seed(self._seed(str(step)))

    def _seed(self, purpose: str) -> int:
        mixed = hashlib.sha256(f"{self.recipe.training.seed}:{purpose}".encode()).digest()
        return int.from_bytes(mixed[:7], "big")

    def watch(self, embeddings: Tensor, step: int) -> float:
        """Effective dimensions of a batch.

        Raises:
            TrainingError: three looks in a row found the embedding collapsed.
        """
        dimensions = effective_dimensions(self.similarity.prepare(embeddings))
        self.flat_checks = self.flat_checks + 1 if dimensions < COLLAPSED else 0
        if self.flat_checks >= 3:
            raise TrainingError(
                f"the embedding collapsed: at step {step} it fills {dimensions:.1f} of {self.dim} dimensions, so every "
                "input looks alike; lower optimiser.lr, use loss.mining=all instead of batch-hard, or "
                "bring more classes a batch"
            )
        return dimensions

    def validate(self) -> float | None:
        """One-shot accuracy of the averaged weights on the held-out classes; None without any.

        Raises:
            TrainingError: the weights give embeddings that are not finite.
        """
        lab = LabEmbedder(self._final(), self.similarity, self.recipe.export.views)
        if not np.isfinite(lab.embed_arrays(self.arrays[:64].numpy())).all():
            raise TrainingError(
                "the last update spoilt the weights: their embeddings are not finite numbers; lower optimiser.lr or "
                "lengthen optimiser.warmup"
            )
        if self.held_arrays is None or self.episodes is None:
            return None
        credit = query_credits(lab, lab.embed_arrays(self.held_arrays), self.episodes)
        ways = self.episodes.support.shape[1]
        self.validation = {f"{ways}-way 1-shot accuracy": float(credit.mean())}
        return float(credit.mean())

    def _final(self) -> nn.Module:
        averaged: nn.Module = self.average.module if self.recipe.training.average else self.encoder
        return averaged

    def spent(self) -> tuple[float, float]:
        """Wall seconds and core seconds so far, resumed runs included."""
        wall, core = time.perf_counter() - self.began[0], time.process_time() - self.began[1]
        return self.earlier[0] + wall, self.earlier[1] + core

    def peak_mib(self) -> int:
        """MiB of resident memory that the process held at most, resumed runs included."""
        return max(self.earlier[2], memory.peak() // memory.MIB)

    def checkpoint(self, step: int) -> None:
        """Write all that a resumed run needs, whole or not at all."""
        state = {
            "recipe": self._signature(),
            "step": step,
            "threads": torch.get_num_threads(),
            "torch": str(torch.__version__),
            "spent": (*self.spent(), self.peak_mib()),
            "validation": self.validation,
            "flat_checks": self.flat_checks,
            "log": self.log.read_text(encoding="utf-8") if self.log.exists() else "",
            "encoder": self.encoder.state_dict(),
            "average": self.average.state_dict(),
            "comparison": self.comparison.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        checkpoint.write(self.out, state)

    def begin(self) -> int:
        """Drop what an earlier run left, its checkpoint first; returns that no step is done."""
        (self.out / checkpoint.NAME).unlink(missing_ok=True)
        write_atomically(self.log, b"")
        if self.started_from:
            turns = self.recipe.training.turns
            place_proxies(self.comparison, self.encoder, self.similarity, self.arrays, self.labels, turns)
        return 0

    def restore(self) -> int:
        """Load the checkpoint, its part of the log and its number of threads; returns the step it was written after.

        Raises:
            UsageError: there is none, or it is of another recipe or data.
        """
        state = checkpoint.read(self.out, self._signature())
        self.encoder.load_state_dict(state["encoder"])
        self.average.load_state_dict(state["average"])
        self.comparison.load_state_dict(state["comparison"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.earlier = state["spent"]
        self.validation, self.flat_checks = state["validation"], state["flat_checks"]
        write_atomically(self.log, state["log"].encode())  # without the rows of steps that are done again
        threads = torch.get_num_threads()
        if threads != state["threads"]:  # sums taken in another order differ in the last bit
            torch.set_num_threads(state["threads"])
            self.listen(Event("note", message=f"going on with {state['threads']} threads, as begun, not {threads}"))
        if state["torch"] != torch.__version__:
            message = f"begun with torch {state['torch']}, here is {torch.__version__}: the last bits may differ"
            self.listen(Event("note", message=message))
        return int(state["step"])

    def _signature(self) -> str:
        return checkpoint.signature(self.recipe, self.data, self.started_from)

    def export(self) -> Model:
        """Write the model directory and drop the checkpoint."""
        data = self.recipe.data
        seconds, core_seconds = self.spent()
        trained = TrainingSpec(
            recipe=self.recipe.name,
            data=absolute(self.data.name),
            calibration_data=absolute(data.calibration) if data.calibration else "",
            classes=sorted(self.data.class_names | self.inherited),
            examples=len(self.data),
            steps=self.recipe.training.steps,
            seed=self.recipe.training.seed,
            seconds=round(seconds, 1),
            core_seconds=round(core_seconds, 1),
            peak_mib=self.peak_mib(),
            settings=self.recipe.sections,
            started_from=self.started_from,
            validation=self.validation,
        )
        model = save(
            self.out,
            name=_model_name(self.out),
            encoder=self._final(),
            similarity=self.similarity,
            reader=self.reader,
            dim=self.dim,
            views=self.recipe.export.views,
            trained=trained,
            probe=self.arrays[:64].numpy(),
        )
        (self.out / checkpoint.NAME).unlink(missing_ok=True)
        return model


def _model_name(out: Path) -> str:
    """The directory's name, with a dash for what a model's name may not hold."""
    name = unicodedata.normalize("NFC", out.resolve().name)
    return "".join(c if c.isalpha() or c.isdecimal() or c in "_.-" else "-" for c in name)[:64] or "model"


def _average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """An exponential moving average that forgets the first, untrained weights: its decay grows with the updates."""

    def blend(averaged: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
        if not current.is_floating_point():
            return current.clone()
        n = float(count)
        return torch.lerp(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))

    return blend


def _open(recipe: Recipe, listen: Listener) -> tuple[DataSet, DataSet | None]:
    """Training and validation data, after the checks that save an hour."""
    if not recipe.data.train:
        begun = f"--from {recipe.training.start}" if recipe.training.start else recipe.name
        raise UsageError(f"recipe {recipe.name!r} learns from your data; name it: firstsight train {begun} ./photos")
    data = open_labelled(recipe.data.train)
    if len(data.classes) < 2:
        raise DataError(
            f"{data.name} has one class only ({', '.join(data.classes)}), nothing to tell it from; add classes"
        )
    counts = np.bincount(data.labels)
    single = [data.classes[c] for c in np.flatnonzero(counts == 1)]
    if len(single) == len(data.classes):
        raise DataError(f"every class of {data.name} has one image, so nothing shows what stays the same; add images")
    if single:
        names = ", ".join(single[:3]) + (", ..." if len(single) > 3 else "")
        classes = count(len(single), "class has", "classes have")
        listen(Event("note", message=f"{classes} one image ({names}): nothing shows how they vary"))
    for note in data.notes:
        listen(Event("note", message=f"{data.name}: {note}"))
    held = open_data(recipe.data.validation) if recipe.data.validation else None
    if held:
        refuse_overlap("the training data", held, data.class_names, "validate on other classes")
        copies = duplicates(data, held) if not data.name.startswith(("omniglot", "icons")) else []
        if copies:
            one, other = copies[0]
            images = count(len(copies), "held-out image is a copy", "held-out images are copies")
            message = f"warning: {images} of training images ({other.source} = {one.source})"
            listen(Event("note", message=f"{message}: held-out figures will flatter"))
    return data, held


def _episodes(held: DataSet) -> Episodes | None:
    """Tasks for validation: within groups where classes have them, else across origins; as many ways as there are."""
    if len(held.groups[0]) > 1:
        try:
            return within_group(held, ways=20, tasks=250, seed=1)[0]
        except DataError:  # groups too small for Lake's form
            pass
    try:
        usable = min(20, sum(count > 1 for count in np.bincount(held.labels)))
        return any_classes(held, ways=max(2, usable), shots=1, tasks=250, seed=1)
    except DataError:
        return None

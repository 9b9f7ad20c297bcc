"""The parts of one training run, put together as a recipe says: data, network, objective, checkpoints, export."""

from __future__ import annotations

import hashlib
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from firstsight.datasets import DataSet, absolute, refuse_overlap
from firstsight.datasets.copies import Contents
from firstsight.datasets.readings import read_all
from firstsight.errors import TrainingError, UsageError
from firstsight.evaluation.judging import judge
from firstsight.evaluation.oneshot import query_credits
from firstsight.evaluation.subject import Settings, Subject
from firstsight.files import write_atomically
from firstsight.learn import checkpoint, memory
from firstsight.learn.augment.composing import Composer
from firstsight.learn.augment.warp import turn
from firstsight.learn.backbones.standing import features_by, learned_part, stands_on
from firstsight.learn.backbones.whitening import begin_whitened
from firstsight.learn.best import Best
from firstsight.learn.data import note_repacked, open_both, tasks_of, told_apart, with_depth
from firstsight.learn.events import Event, Listener
from firstsight.learn.export.directory import load_encoder, save
from firstsight.learn.export.readable import LabEmbedder
from firstsight.learn.growth import open_old, watch
from firstsight.learn.machine import settled
from firstsight.learn.objective import Objective
from firstsight.learn.optimisers import make_optimiser
from firstsight.learn.projections import Straight
from firstsight.learn.recipe import Recipe
from firstsight.learn.similarities.weighted import Learned, sized
from firstsight.learn.start import check_start, goes_on, load_similarity, load_weights, place_proxies
from firstsight.learn.watching import Watch
from firstsight.learned import contents_of
from firstsight.model import Model
from firstsight.spec import TrainingSpec
from firstsight.types import Verdict


class Run:
    """The parts of one run, made from a recipe.

    Args:
        recipe: what it says.
        out: directory of the model.
        listen: is told what happens.
        network: the torch module that encoder ``module`` stands on.
        sets: what to learn from and what is held out, instead of what the recipe names.
    """

    def __init__(
        self,
        recipe: Recipe,
        out: Path,
        listen: Listener,
        network: nn.Module | None = None,
        sets: tuple[DataSet, DataSet] | None = None,
    ) -> None:
        self.precision = settled(recipe.training.precision)
        training = {**recipe.sections.get("training", {}), "precision": self.precision}
        recipe = replace(recipe, sections={**recipe.sections, "training": training})
        check_start(recipe)
        self.recipe, self.out, self.listen = recipe, out, listen
        self.log = out / "metrics.jsonl"
        self.began = (time.perf_counter(), time.process_time())
        settings = recipe.training
        torch.manual_seed(settings.seed)
        self.data, self.held = sets or open_both(recipe, listen)
        self.old = open_old(recipe, self.data, listen)
        read = [data for data in (self.data, self.held, self.old) if data]
        self.recipe = recipe = with_depth(recipe, read, listen)
        self.reader = recipe.part("input")(**recipe.settings("input"))
        listen(Event("note", message=memory.sentence(read, self.reader.shape)))
        self.arrays = torch.from_numpy(self._read(self.data))
        targets = told_apart(self.data, recipe)
        self.labels = torch.from_numpy(targets)
        self.learning_from = Contents.of(self.data.keys, self.arrays.numpy())
        self.held_arrays = self._read(self.held) if self.held else None
        if self.held is not None and self.held_arrays is not None:
            note_repacked(self.learning_from, self.held, self.held_arrays, listen)
        self.episodes = tasks_of(self.held, settings.validation_tasks) if self.held else None
        if self.held_arrays is not None and self.episodes is not None:
            self.looked_at, self.episodes = self.episodes.needed()
        elif self.held:
            listen(Event("note", message=f"{self.held.name} is too small to watch progress on: no held-out accuracy"))
        self.encoder, self.started_from, self.inherited = self._encoder(network)
        self.trained = learned_part(self.encoder)
        self.features = features_by(self.encoder, self.data.name, self.arrays.numpy(), listen)
        self.held_features = (
            features_by(self.encoder, self.held.name, self.held_arrays, listen)
            if self.held and self.held_arrays is not None
            else None
        )
        self.watched = watch(recipe, self.old, self.held, self._read, listen, network)
        with torch.inference_mode():  # and in evaluation mode, or a black image would enter the batch statistics
            self.dim = int(self.encoder.eval()(torch.zeros(2, *self.reader.shape)).shape[1])
        self.similarity = sized(recipe.part("similarity"), self.dim, recipe.settings("similarity"))
        if recipe.training.start:
            load_similarity(self.similarity, Model.load(recipe.training.start), network)
        self.classes = int(targets.max()) + 1
        self.compose = Composer(
            self.arrays, self.labels, self.classes, settings.turns, settings.composites, settings.seed
        )
        self.loss = Objective(recipe, self.similarity, self.dim, self.compose.classes)
        self.sampler = recipe.part("sampling")(
            targets, self.data.groups[1], settings.seed, **recipe.settings("sampling")
        )
        self.augment: Callable[[Tensor, torch.Generator], Tensor] = partial(
            recipe.part("augment"), **recipe.settings("augment")
        )
        self.optimiser = make_optimiser(
            self.encoder,
            self.loss,
            kind=recipe.optimiser.kind,
            lr=recipe.optimiser.lr,
            weight_decay=recipe.optimiser.weight_decay,
            momentum=recipe.optimiser.momentum,
            rates=recipe.optimiser.rates,
            penalties=recipe.optimiser.penalties,
        )
        self.learned = Learned(self.encoder, self.similarity)
        self.average = AveragedModel(self.learned, multi_avg_fn=_average(settings.average), use_buffers=True)
        self.validation: dict[str, float] = {}
        self.error = 0.0  # standard error of the last look
        self.earlier = (0.0, 0.0, 0)  # wall and core seconds, and peak memory, of the runs this one goes on from
        self.watch = Watch(recipe, self.similarity)
        self.best = Best()
        self.idle = 0  # steps in a row without a loss
        if settings.patience and self.episodes is None:
            raise UsageError(
                "training.patience waits for a better look at validation classes, and there are none; set 0"
            )

    def _read(self, data: DataSet) -> Any:
        return read_all(
            data,
            self.reader,
            progress=lambda done, all_: self.listen(Event("reading", done, all_, data.name)),
        )

    def _encoder(self, network: nn.Module | None) -> tuple[nn.Module, str, frozenset[str]]:
        channels, size, _ = self.reader.shape
        origin, inherited = "", frozenset[str]()
        model = Model.load(self.recipe.training.start) if self.recipe.training.start else None
        if model is not None and goes_on(model, self.recipe):
            encoder, _ = load_encoder(model, network)
        else:
            given = {} if network is None else {"network": network}
            encoder = self.recipe.part("encoder")(channels, size, **given, **self.recipe.settings("encoder"))
        if model is not None:
            load_weights(encoder, model, self.recipe, network)
            inherited = model.trained_classes
            if self.held:
                refuse_overlap(f"what {model.name} was trained on", self.held, inherited, "validate on other classes")
            origin = f"{model.name} {model.fingerprint}"
        return encoder.to(memory_format=torch.channels_last), origin, inherited  # type: ignore[call-overload]

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The images and labels of a step: a function of seed and step alone."""
        generator = self._generator(step)
        torch.manual_seed(self._seed(f"{step}:dropout"))  # what the network itself draws
        index, _ = self._drawn(step)
        if self.features is not None:
            return torch.from_numpy(self.features)[index], self.labels[index]
        images, labels = self.arrays[index].to(torch.float32) / 255, self.labels[index]
        images, labels = turn(images, labels, self.classes, self.recipe.training.turns, generator)
        images, labels = self.compose(images, labels, generator)
        return self.augmented(images, generator), labels

    def augmented(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images ``(b, c, h, w)`` changed as the recipe says."""
        return self.augment(images, generator)

    def objective(self, embeddings: Tensor, labels: Tensor, step: int) -> Tensor:
        """The loss of a step, whose comparisons are drawn by seed and step alone."""
        _, place = self._drawn(step)
        if place is not None:
            embeddings, labels = embeddings[place], labels[place]
        loss: Tensor = self.loss(embeddings, labels, self._generator(~step))
        return loss

    def _drawn(self, step: int) -> tuple[Tensor, Tensor | None]:
        """The examples that a step embeds; and, where one stands in the batch several times, which stands where."""
        index = torch.from_numpy(self.sampler.batch(step))
        return torch.unique(index, return_inverse=True) if self.sampler.once else (index, None)

    def _generator(self, step: int) -> torch.Generator:
        return torch.Generator().manual_seed(self._seed(str(step)))

    def _seed(self, purpose: str) -> int:
        mixed = hashlib.sha256(f"{self.recipe.training.seed}:{purpose}".encode()).digest()
        return int.from_bytes(mixed[:7], "big")

    def validate(self) -> float | None:
        """One-shot accuracy of the averaged weights on the held-out classes; None without any.

        Raises:
            TrainingError: the weights give embeddings that are not finite.
        """
        final = self.final
        lab = LabEmbedder(final.encoder, final.similarity, self.recipe.export.views)
        if not np.isfinite(lab.embed_arrays(self.arrays[:64].numpy())).all():
            raise TrainingError(
                "the last update spoilt the weights: their embeddings are not finite numbers; lower optimiser.lr or "
                "lengthen optimiser.warmup"
            )
        if self.held_arrays is None or self.episodes is None:
            return None
        if self.held_features is not None:
            held = lab.embed_features(self.held_features[self.looked_at])
        else:
            held = lab.embed_arrays(self.held_arrays, self.looked_at)
        credit = query_credits(lab, held, self.episodes)
        accuracy = float(credit.mean())
        self.error = float(credit.std() / len(credit) ** 0.5)
        ways = self.episodes.support.shape[1]
        self.validation = {f"{ways}-way 1-shot accuracy": accuracy}
        return accuracy

    @property
    def final(self) -> Learned:
        """What is validated and exported: of averaged weights, or of the last."""
        averaged: Any = self.average.module if self.recipe.training.average else self.learned
        return Learned(averaged.encoder, averaged.similarity)

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
            "decisive": self._decisive(),
            "step": step,
            "threads": torch.get_num_threads(),
            "torch": str(torch.__version__),
            "spent": (*self.spent(), self.peak_mib()),
            "validation": self.validation,
            "flat_checks": self.watch.flat,
            "best": self.best.state(),
            "idle": self.idle,
            "log": self.log.read_text(encoding="utf-8") if self.log.exists() else "",
            "encoder": self.encoder.state_dict(),
            "average": self.average.state_dict(),
            "objective": self.loss.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        checkpoint.write(self.out, state)

    def begin(self) -> int:
        """Drop what an earlier run left, its checkpoint first; returns that no step is done."""
        (self.out / checkpoint.NAME).unlink(missing_ok=True)
        write_atomically(self.log, b"")
        known = bool(self.started_from) or begin_whitened(self.encoder, self.features, self.arrays, self.labels)
        if known and isinstance(self.loss.projection, Straight):
            turns = self.recipe.training.turns
            for comparison in self.loss.comparisons:
                place_proxies(comparison, self.encoder, self.similarity, self.arrays, self.labels, turns, self.features)
        return 0

    def restore(self) -> int:
        """Load the checkpoint, its part of the log and its number of threads; returns the step it was written after.

        Raises:
            UsageError: there is none, or it is of another recipe or data.
        """
        state = self.load()
        write_atomically(self.log, state["log"].encode())  # without the rows of steps that are done again
        threads = torch.get_num_threads()
        if threads != state["threads"]:  # sums taken in another order differ in the last bit
            torch.set_num_threads(state["threads"])
            self.listen(Event("note", message=f"going on with {state['threads']} threads, as begun, not {threads}"))
        if state["torch"] != torch.__version__:
            message = f"begun with torch {state['torch']}, here is {torch.__version__}: the last bits may differ"
            self.listen(Event("note", message=message))
        return int(state["step"])

    def load(self) -> dict[str, Any]:
        """Take what the checkpoint holds, and return it; nothing on disk changes.

        Raises:
            UsageError: there is none, or it is of another recipe or data.
        """
        state = checkpoint.read(self.out, self._decisive())
        self.encoder.load_state_dict(state["encoder"])
        self.average.load_state_dict(state["average"])
        self.loss.load_state_dict(state["objective"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.earlier = state["spent"]
        self.validation, self.watch.flat = state["validation"], state["flat_checks"]
        self.best, self.idle = Best(**state["best"]), state.get("idle", 0)
        self.best.highest = max(self.best.highest, self.best.accuracy)  # a checkpoint of before holds the one only
        return state

    def _decisive(self) -> dict[str, Any]:
        standing = stands_on(self.encoder)
        told = {"the pretrained network": standing.sha256} if standing else {}
        return {**checkpoint.decisive(self.recipe, self.data, self.held, self.started_from), **told}

    def take_best(self) -> None:
        """Go back to the weights of the look that is kept, where there was one."""
        if self.best.step:
            self.best.restore(self.final)
            self.validation = dict.fromkeys(self.validation, self.best.accuracy)

    def export(self, steps: int, folds: Sequence[Subject] = ()) -> Model:
        """Write the model directory, of so many steps.

        Args:
            steps: that were done.
            folds: models trained alike with the classes that they held out, for the verdict.
        """
        self.take_best()
        if self.best.step and self.best.step != steps:
            self.listen(Event("note", message=f"the model is that of step {self.best.step:,}, the best look"))
        data = self.recipe.data
        final = self.final
        lab = LabEmbedder(final.encoder, final.similarity, self.recipe.export.views)
        growth = {which: watched.grown(lab) for which, watched in self.watched.items()}
        seconds, core_seconds = self.spent()
        trained = TrainingSpec(
            recipe=self.recipe.name,
            data=absolute(self.data.name),
            calibration_data=absolute(data.calibration) if data.calibration else "",
            classes=sorted(self.data.class_names | self.inherited),
            examples=len(self.data),
            steps=steps,
            seed=self.recipe.training.seed,
            seconds=round(seconds, 1),
            core_seconds=round(core_seconds, 1),
            peak_mib=self.peak_mib(),
            settings=self.recipe.sections,
            started_from=self.started_from,
            validation=self.validation,
            backbone=stands_on(self.encoder),
            growth=growth,
            verdict=self._verdict(folds),
        )
        return save(
            self.out,
            name=_model_name(self.out),
            encoder=final.encoder,
            similarity=final.similarity,
            reader=self.reader,
            dim=self.dim,
            views=self.recipe.export.views,
            trained=trained,
            probe=self.arrays[:64].numpy(),
            learned=self._contents().written(),
        )

    def judged(self) -> Subject | None:
        """The model with the classes held out; None without any."""
        if self.held is None or self.held_arrays is None:
            return None
        lab = LabEmbedder(self.final.encoder, self.final.similarity, self.recipe.export.views)
        if self.held_features is not None:
            embeddings = lab.embed_features(self.held_features)
        else:
            embeddings = lab.embed_arrays(self.held_arrays)
        return Subject(lab, self.held, self.held_arrays, embeddings, Settings())

    def _verdict(self, folds: Sequence[Subject]) -> Verdict | None:
        subject = self.judged()
        if subject is None:
            return None
        return judge(subject, *folds, learned_from=len(self.data.class_names | self.inherited))

    def _contents(self) -> Contents:
        """What tells the images again that were learned from, here and by the model begun with."""
        if not self.started_from:
            return self.learning_from
        return self.learning_from.joined(contents_of(Model.load(self.recipe.training.start)))

    def end(self) -> None:
        """Drop the checkpoint: nothing is left to go on with."""
        (self.out / checkpoint.NAME).unlink(missing_ok=True)


def _model_name(out: Path) -> str:
    """The directory's name, with a dash for what a model's name may not hold."""
    name = unicodedata.normalize("NFC", out.resolve().name)
    return "".join(c if c.isalpha() or c.isdecimal() or c in "_.-" else "-" for c in name)[:64] or "model"


def _average(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """An exponential moving average that forgets the first, untrained weights: its decay grows with the updates."""

    def blend(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        n = float(count)
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(list(averaged), list(current), 1 - min(decay, (1 + n) / (10 + n)))
        else:
            torch._foreach_copy_(list(averaged), list(current))

    return blend

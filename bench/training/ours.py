"""FirstSight's own training of a recipe, through ``firstsight.train``, timed from the steps it reports.

python ours.py --threads 1                        images a second
python ours.py --threads 1 --profile              where a step's time goes, by torch.profiler
python ours.py --precision bfloat16               where the recipe has such a setting
python ours.py --recipe koch                      another recipe than glyphs
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.profiler import record_function
from torch.optim.swa_utils import AveragedModel
from torch.profiler import ProfilerActivity, profile

import firstsight
from firstsight.learn import run
from firstsight.learn.augment.composing import Composer
from firstsight.learn.events import Event
from firstsight.learn.optimisers import Together
from firstsight.learn.shards import Shards
from network import Meter

PARTS: dict[str, tuple[Any, str]] = {
    "batch": (run.Run, "batch"),
    "augment": (run.Run, "augmented"),
    "compose": (Composer, "__call__"),
    "forward": (Shards, "forward"),
    "loss": (run.Run, "objective"),
    "loss backward": (Tensor, "backward"),
    "backward": (Shards, "backward"),
    "clip": (nn.utils, "clip_grad_norm_"),
    "update": (Together, "step"),
    "average": (AveragedModel, "update_parameters"),
}
"""What a step is made of, and where FirstSight calls it."""


class EnoughError(Exception):
    """The steps asked for are done."""


def train(recipe: str, changes: list[str], listen: Callable[[Event], None]) -> None:
    """The recipe as shipped but for ``changes``, until ``listen`` has had enough."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            firstsight.train(recipe, *changes, out=f"{folder}/model", listen=listen)
        except EnoughError:
            return
    raise SystemExit("training ended before it was measured; ask for fewer steps")


def measure(asked: argparse.Namespace, changes: list[str]) -> None:
    """Print the rate as the rivals do."""
    meter = Meter(asked.warmup, asked.steps)

    def listen(event: Event) -> None:
        if event.kind == "step" and meter.tick():
            assert event.values is not None
            meter.tell(event.values["loss"], threads=asked.threads, precision=asked.precision)
            raise EnoughError

    train(asked.recipe, changes, listen)


def split(asked: argparse.Namespace, changes: list[str]) -> None:
    """Print milliseconds a step by part, and by the operators that take most."""
    for label, (owner, name) in PARTS.items():
        setattr(owner, name, named(label, getattr(owner, name)))
    profiler = profile(activities=[ProfilerActivity.CPU])
    whole = record_function("whole")

    def listen(event: Event) -> None:
        if event.kind == "step" and event.step == asked.warmup:
            profiler.start()
            whole.__enter__()
        if event.kind == "step" and event.step == asked.warmup + asked.steps:
            whole.__exit__(None, None, None)
            profiler.stop()
            raise EnoughError

    train(asked.recipe, changes, listen)
    events = {e.key: e for e in profiler.key_averages()}
    spent = {
        label: events[label].cpu_time_total / 1000 / asked.steps if label in events else 0.0
        for label in ("whole", *PARTS)
    }
    parts = {
        "data": spent["batch"] - spent["augment"] - spent["compose"],
        "loss": spent["loss"] + spent["loss backward"],
        **{k: spent[k] for k in ("augment", "compose", "forward", "backward", "clip", "update", "average")},
    }
    parts["rest"] = spent["whole"] - sum(parts.values())
    leaves = sorted(
        ((e.self_cpu_time_total / 1000 / asked.steps, e.key) for e in events.values() if e.key.startswith("aten::")),
        reverse=True,
    )
    found = {
        "milliseconds a step": {k: round(v, 1) for k, v in parts.items()},
        "of which operators": {key: round(milliseconds, 1) for milliseconds, key in leaves[:12]},
        "whole": round(spent["whole"], 1),
        "settings": {"threads": asked.threads, "precision": asked.precision},
    }
    print(json.dumps(found))


def named(label: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its time noted by the profiler under a label."""

    @functools.wraps(function)
    def noted(*words: Any, **settings: Any) -> Any:
        with record_function(label):
            return function(*words, **settings)

    return noted


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--recipe", default="glyphs")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="as shipped")
    parser.add_argument("--warmup", type=int, default=20)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("changes", nargs="*", help="of the recipe, as section.key=value")
    asked = parser.parse_intermixed_args()
    torch.set_num_threads(asked.threads)
    changes = [f"training.threads={asked.threads}", *asked.changes]
    if asked.precision != "as shipped":
        changes.append(f"training.precision={asked.precision}")
    (split if asked.profile else measure)(asked, changes)


if __name__ == "__main__":
    main()

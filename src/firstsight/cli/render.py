"""What commands print: results for people, or the same as JSON; and what to do next."""

from __future__ import annotations

import dataclasses
import json as jsonlib
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstsight.errors import count
from firstsight.progress import Lines, figures
from firstsight.spelling import shown
from firstsight.terminal import below, in_line, visible

if TYPE_CHECKING:
    from firstsight.calibration import Calibration
    from firstsight.datasets import DataInfo
    from firstsight.learn.events import Event
    from firstsight.model import Model
    from firstsight.types import Check, Failure, Report, Verdict


def dump(result: Any) -> None:
    """Print a result as JSON: ``asdict`` of dataclasses, lists of them, plain values."""
    text = jsonlib.dumps(_plain(result), ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # spelled out as JSON does, where the terminal would spell it in its own way
        text = jsonlib.dumps(_plain(result))
    print(text)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def error(sentence: str, code: int) -> int:
    """A sentence on standard error, in one line whatever it quotes; returns the exit code."""
    print("error:", *(line.strip() for line in shown(sentence).splitlines()), file=sys.stderr)
    return code


def failed(failures: Sequence[Failure], code: int) -> int:
    """Each image that can't be read, on standard error; returns the exit code: 2 where there are any, else ``code``."""
    for one in failures:
        error(one.error.message, 2)
    return 2 if failures else code


def value(result: Any, text: str, *, json: bool) -> None:
    """A result, or one line of text for it."""
    if json:
        dump(result)
    else:
        print(text)


def table(rows: Sequence[Any], columns: list[str], empty: str, *, json: bool) -> None:
    """Rows (dataclasses or dicts) as aligned text."""
    if json:
        dump(list(rows))
        return
    if not rows:
        print(empty)
        return
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    made = Table(*columns, box=SIMPLE, pad_edge=False)
    for row in rows:
        fields = row if isinstance(row, dict) else dataclasses.asdict(row)
        made.add_row(*[_cell(fields[c]) for c in columns])
    Console(highlight=False, file=below(sys.stdout)).print(made)


def _cell(content: Any) -> str:
    from rich.markup import escape

    if isinstance(content, dict):
        return escape(in_line(", ".join(f"{k}={v}" for k, v in content.items())))
    if isinstance(content, bool):
        return "yes" if content else "no"
    return escape(in_line(", ".join(map(str, content)) if isinstance(content, list | tuple) else content))


def checked(checks: Sequence[Check], *, json: bool) -> None:
    """What was looked at, a line each; what mends it below."""
    if json:
        dump(list(checks))
        return
    for check in checks:
        print(f"{ {True: 'well', False: 'BROKEN', None: '-'}[check.ok]:<7}{check.name}: {check.value}")
        if check.advice:
            print(f"       {check.advice}")


def data_sets(infos: list[DataInfo], *, json: bool) -> None:
    """Data sets, a block each, since places are long."""
    if json:
        dump(infos)
        return
    for i in infos:
        print(f"{i.name}  ({i.licence})\n  {i.about}\n  splits: {', '.join(i.splits)}")
        print(f"  {'found' if i.found else 'not found'}: {i.place}")


@contextmanager
def training(*, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """A live bar with loss, speed and time left on a terminal; plain lines elsewhere; nothing when quiet."""
    if quiet:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(file=below(sys.stderr), highlight=False)
    if not console.is_terminal:
        yield Lines(sys.stderr)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
        TextColumn("{task.fields[values]}", markup=False),
    )
    with Progress(*columns, console=console) as bar:
        tasks: dict[str, Any] = {}
        seen: dict[str, float] = {}

        def listen(event: Event) -> None:
            if event.kind == "note":
                console.print(visible(event.message), markup=False)
                return
            name = f"reading {in_line(event.message)}" if event.kind == "reading" else event.message or "training"
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=event.steps, values="")
            seen.update(event.values or {})
            bar.update(tasks[name], completed=event.step, values="" if event.kind == "reading" else figures(seen))

        yield listen


@contextmanager
def reading(*, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Progress of decoding a large data set, on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return

    def show(done: int, count: int) -> None:
        if count > 500:
            end = "\r" if done < count else "\r\033[K"
            print(f"reading {done:,} of {count:,}", end=end, file=below(sys.stderr), flush=True)

    yield show


def trained(model: Model, *, json: bool) -> None:
    """What came of training, and what comes next."""
    from firstsight.card import grown

    t = model.spec.trained
    if json:
        _dump_model(model)
        return
    learned = f"{count(t.examples, 'example', 'examples')} of {count(len(t.classes), 'class', 'classes')}"
    print(f"{model.path}: learned from {learned} in {t.seconds / 60:.1f} min with {t.peak_mib:,} MiB of memory at most")
    for name, accuracy in t.validation.items():
        print(f"  {name} on held-out classes: {accuracy:.1%}")
    for line in grown(t):
        print(f"  {line}")
    judged(model.verdict)
    if goes_on(model.verdict):
        _calibrate_next(model)


def judged(verdict: Verdict | None) -> None:
    """The verdict, what it likely comes from, and what would help most."""
    if verdict is None:
        return
    print(f"verdict: {verdict.sentence}")
    if verdict.reason:
        print(f"  likeliest reason: {verdict.reason}")
    if verdict.advice:
        print(f"  what would help most: {verdict.advice}")


def goes_on(verdict: Verdict | None) -> bool:
    """Whether a next step is to be named: after a failure there is none but what would help."""
    return verdict is None or verdict.level != "useless"


def written(model: Model, *, json: bool) -> None:
    """What was written, and that it needs a threshold of its own."""
    if json:
        _dump_model(model)
        return
    size = sum(file.bytes for file in model.spec.files.values())
    print(
        f"{model.path}: {size / 1e6:.1f} MB, fingerprint {model.fingerprint}; its scores differ, so it has no threshold"
    )
    _calibrate_next(model)


def _dump_model(model: Model) -> None:
    content = model.spec.model_dump(exclude={"trained": {"classes"}})
    dump({"path": str(model.path), "fingerprint": model.fingerprint, **content})


def _calibrate_next(model: Model) -> None:
    t = model.spec.trained
    where = "" if t.calibration_data else " DATA"
    # What is held out of a user's own data is a third of the classes or less: a threshold from few needs a margin.
    surer = " --confidence 0.95" if t.calibration_data.endswith(":validation") and len(t.classes) < 40 else ""
    print(f"next: firstsight calibrate {quoted(model.path)}{where} --fmr 0.01{surer}")


def quoted(path: Path | str) -> str:
    """A model's directory as it can be pasted into a command."""
    text = str(path)
    return shlex.quote(text if "/" in text else f"./{text}")


def evaluated(result: Report, page: Path | None, *, json: bool) -> None:
    """Metrics with their intervals."""
    if json:
        dump(result)
        return
    from firstsight.report.wording import number

    print(f"{result.protocol} on {result.data}: {count(result.trials, 'trial', 'trials')}, seed {result.seed}")
    width = max(map(len, result.metrics))
    for name, m in result.metrics.items():
        interval = f"   [{number(name, m.low)}, {number(name, m.high)}]" if m.low != m.high else ""
        print(f"  {name:<{width}}  {number(name, m.value)}{interval}")
    for note in result.notes:
        print(f"  note: {note}")
    for sentence in result.diagnosis:
        print(f"  {sentence}")
    judged(result.verdict)
    if page:
        print(f"page: {page}")
    elif goes_on(result.verdict):
        print("next: the same with --report page.html, to look at it")


def calibrated(result: Calibration, model: str, *, json: bool) -> None:
    """The threshold, what stands behind it, and what comes next."""
    if json:
        dump(result)
        return
    sure = f", met in {result.confidence:.0%} of resamples" if result.confidence > 0.5 else ""
    print(f"threshold {result.threshold:.4f} for {result.target.describe()}{sure}, chosen on {result.data}")
    print(
        f"  there: FMR {result.fmr:.3%} [{result.fmr_low:.3%}, {result.fmr_high:.3%}], "
        f"FNMR {result.fnmr:.2%} [{result.fnmr_low:.2%}, {result.fnmr_high:.2%}], "
        f"from {result.genuine_pairs:,} same and {count(result.impostor_pairs, 'different pair', 'different pairs')}"
    )
    if result.fpir is not None:
        print(
            f"  FPIR among {count(result.target.gallery_size, 'identity', 'identities')}: {result.fpir:.2%} "
            f"[{result.fpir_low:.2%}, {result.fpir_high:.2%}]"
        )
    for warning in result.warnings():
        print(f"  warning: {warning}")
    judged(result.verdict)
    if not goes_on(result.verdict):
        return
    shown = model if "/" not in model else quoted(model)
    print(f"next: firstsight gallery create my.db --model {shown}")

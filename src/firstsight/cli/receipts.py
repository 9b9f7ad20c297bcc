"""What commands on galleries and reproductions print: receipts, decisions, matches, counts, figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from firstsight.answer import MOST_STRANGERS, likely, scores
from firstsight.cli.render import dump, goes_on, judged, quoted, table, value
from firstsight.errors import count
from firstsight.terminal import in_line

if TYPE_CHECKING:
    from firstsight.model import Model
    from firstsight.reproduce.record import Record
    from firstsight.types import (
        Copy,
        Decision,
        Dropped,
        Enrolment,
        Event,
        Failure,
        Finding,
        Forgotten,
        Match,
        Presence,
        Removal,
        Tally,
        Verdict,
    )


def created(gallery: str, model: Model, *, json: bool) -> None:
    """A new gallery, and what comes next."""
    if json:
        dump({"gallery": gallery, "model": model.name, "fingerprint": model.fingerprint})
        return
    print(f"{gallery}: an empty gallery for model {model.name} ({model.fingerprint})")
    _warn(model)
    judged(model.verdict)
    if not goes_on(model.verdict):
        return
    print(f"next: firstsight enroll {gallery} NAME IMAGE    or  --data folder:PATH for one image of every sub-folder")


def rebuilt(gallery: str, called: str, model: Model, references: int, *, json: bool) -> None:
    """A gallery that has another model now."""
    told = {"gallery": gallery, "model": called, "references": references, "calibrated": model.calibration is not None}
    what = count(references, "reference", "references")
    value(told, f"{gallery}: {what} embedded by {called}; open galleries must be reopened", json=json)
    if not json:
        _warn(model)


def _warn(model: Model) -> None:
    """Of a model that cannot decide yet."""
    if model.calibration is None:
        print(f"  warning: not calibrated, so identify will refuse; run firstsight calibrate {quoted(model.path)}")


def enrolled(made: Sequence[Enrolment | Failure], gallery: str, verdict: Verdict | None = None, *, json: bool) -> None:
    """Receipts, with what the gallery's model is good for; images that can't be read come last, and only in JSON."""
    if json:
        dump(list(made))
        return
    receipts = [one for one in made if not hasattr(one, "error")]
    shown = (
        receipts
        if len(receipts) <= 10
        else [
            *receipts[:10],
            *[r for r in receipts[10:-1] if r.notes and r.added][:10],
            *[r for r in receipts[-1:] if r.notes],
        ]
    )
    for r in shown:
        print(f"{r.identity}: {r.added} enrolled, {r.references} in all{_notes(r.notes)}")
    if receipts and not any(r.added for r in receipts):
        print("nothing is new: all of it was enrolled already")
    if len(receipts) > 10:
        noted = sum(bool(r.notes and r.added) for r in receipts)
        print(f"... {len(receipts):,} identities in all{f', {noted:,} with notes' if noted else ''}")
    judged(verdict)
    if goes_on(verdict):
        print(f"next: firstsight identify {gallery} IMAGE    or  --data folder:PATH to count on labelled images")


def checked(findings: Sequence[Finding], *, json: bool) -> int:
    """What the quality gate found; returns the exit code: 0 nothing, 1 something, 2 one can't be read."""
    if json:
        dump(findings)
    else:
        for f in findings:
            print(in_line(f"{f.name}: {f.source}: {f.message}"))
        if not findings:
            print("nothing speaks against it")
    return 2 if any(f.name == "unreadable" for f in findings) else int(bool(findings))


def replaced(receipt: Enrolment, *, json: bool) -> None:
    """The receipt of new references in the place of the old ones."""
    text = f"{receipt.identity}: {count(receipt.references, 'reference', 'references')} now{_notes(receipt.notes)}"
    value(receipt, text, json=json)


def removed(receipt: Removal, *, json: bool) -> None:
    """The receipt of an identity that is gone, or is another now."""
    what = count(receipt.removed, "reference", "references")
    fate = f"{what} removed" if receipt.into is None else f"{what}, now of {receipt.into}"
    value(receipt, f"{receipt.identity}: {fate}{_notes(receipt.notes)}", json=json)


def dropped(receipt: Dropped, *, json: bool) -> None:
    """The receipt of a gallery that is gone."""
    who, what = (
        count(receipt.identities, "identity", "identities"),
        count(receipt.references, "reference", "references"),
    )
    value(receipt, f"{receipt.gallery}: dropped, with {who} and {what}{_notes(receipt.notes)}", json=json)


def said(metadata: Mapping[str, str]) -> str:
    """Metadata as it is given on the command line."""
    return " ".join(f"{k}={v}" for k, v in metadata.items())


def _notes(notes: tuple[str, ...]) -> str:
    return "".join(f" ({note})" for note in notes)


def decided(decision: Decision, about: str, *, json: bool) -> int:
    """A decision; returns the exit code: 0 same, 1 not the same, 2 when nothing could be decided."""
    if json:
        dump(decision)
    elif decision.same is None:
        print(f"score {decision.score:.3f} for {in_line(about)}: {decision.reason}")
    else:
        print(f"{decision.answer}{_band(decision)} ({in_line(about)}; {decision.reason})")
    return 2 if decision.same is None else int(not decision.same)


def _band(answer: Decision | Match) -> str:
    """The 95 % band of the probability, where its ends differ as printed."""
    low, high = f"{100 * (answer.probability_low or 0):.1f}", f"{100 * (answer.probability_high or 0):.1f}"
    return f" [95 % band of the probability: {low} to {high} %]" if low != high else ""


def matched(matches: Sequence[Match | Failure], probes: list[Any], gallery: str, *, one: bool, json: bool) -> None:
    """The match of one image in full; those of several, or of a folder, as a list, without what can't be read."""
    if json:
        dump(matches[0] if one else matches)
        return
    if one:
        m = cast("Match", matches[0])
        print(f"{in_line(m.answer)}{_band(m)} ({m.reason})")
        for c in m.candidates:
            reached = "reaches" if c.reached else "below  "
            print(f"  {c.score:7.3f}  {likely(c.probability or 0.0):>16}  {reached}  {c.identity}")
    else:
        from firstsight.decision import notes_in

        called = probes if len(probes) == len(matches) else [f"thing {n + 1}" for n in range(len(matches))]
        for probe, answer in zip(called, matches, strict=True):
            if hasattr(answer, "error"):
                continue
            print(f"{in_line(probe)}: {in_line(answer.answer)}{_notes(notes_in(answer.reason))}")
    shares = [m.strangers_accepted or 0.0 for m in matches if not hasattr(m, "error")]
    if max(shares, default=0.0) > MOST_STRANGERS:
        print("for fewer strangers: firstsight calibrate MODEL DATA --fpir 0.05 --gallery-size N (as many as enrolled)")
    print(f"next: where an answer is wrong, add a reference: firstsight enroll {gallery} NAME IMAGE")


def tallied(result: Tally, lost: Sequence[Failure] = (), *, json: bool) -> None:
    """Counts of a labelled data set, of which some may not have been read."""
    if json:
        dump({**asdict(result), "failures": [asdict(one)["error"] for one in lost]} if lost else result)
        return
    print(f"{result.data} against {count(result.enrolled, 'enrolled identity', 'enrolled identities')}:")
    if result.probes:
        n = result.probes
        print(
            f"  of {count(n, 'image', 'images')} of enrolled classes: {result.right / n:.1%} right, "
            f"{result.wrong / n:.1%} wrong, {result.unknown / n:.1%} unknown "
            f"(best candidate right: {result.best_is_right / n:.1%})"
        )
    if result.strangers:
        n = result.strangers
        print(f"  of {count(n, 'image', 'images')} of strangers: {result.strangers_unknown / n:.1%} unknown")
    if result.left_out:
        print(f"  {count(result.left_out, 'image', 'images')} left out, enrolled already")
    wrong = [a for a in result.answers if a[2] is not None and a[2] != a[1]]
    for source, _, identity, score in sorted(wrong, key=lambda a: -a[3])[:5]:
        print(f"  taken for {identity}: {in_line(source)} (score {score:.3f})")
    judged(result.verdict)


def happened(events: list[Event], csv: Path | None, *, json: bool) -> None:
    """Events, a line each."""
    if json:
        dump(events)
        return
    for event in events:
        print(f"{event.id:>6}  {event.at[:19].replace('T', ' ')}Z  {_event(event)}")
    if not events:
        print("nothing like that was recorded; verify, identify and all that changes a gallery do it with --record")
    _sheet(csv)


def _event(event: Event) -> str:
    answer = ""
    if event.verb == "verify":
        answer = f" {event.identity}: {'same' if event.same else 'not the same'}"
    elif event.verb == "identify":
        answer = f": {event.identity or 'unknown'}"
    elif event.identity is not None:
        answer = f" {event.identity}"
    parts = [f"{event.verb}{answer}"]
    if event.probability is not None:
        told = f"probability {event.probability:.1%}"
        if event.score is not None and event.threshold is not None:  # a probability alone may contradict the answer
            have, need = scores(event.score, event.threshold)
            told += f" (score {have}, needs {need})"
        parts.append(told)
    if event.place or event.direction:
        parts.append(" ".join(filter(None, (event.place, event.direction))))
    parts += [f"by {event.actor}"] * bool(event.actor) + ["image kept"] * event.kept
    return ", ".join(parts)


def forgotten(receipt: Forgotten, *, json: bool) -> None:
    """The receipt of events that are gone."""
    what = count(receipt.forgotten, "event", "events")
    value(receipt, f"{what} before {receipt.before} forgotten{_notes(receipt.notes)}", json=json)


def present(rows: list[Presence], csv: Path | None, *, json: bool) -> None:
    """Who was there, a line a day and identity."""
    if json:
        dump(rows)
        return
    told = [
        {
            "day": p.day,
            "identity": p.identity,
            "in": (p.first_in or "")[11:16],
            "out": (p.last_out or "")[11:16],
            "present": f"{p.seconds // 3600}:{p.seconds // 60 % 60:02d}",
            "seen": p.events,
            "notes": p.notes,
        }
        for p in rows
    ]
    columns = ["day", "identity", "in", "out", "present", "seen", "notes"]
    table(told, columns, "nobody was seen; verify and identify record it with --record", json=False)
    _sheet(csv)


def copied(receipt: Copy, *, json: bool) -> None:
    """The receipt of the copy of all that is known of somebody."""
    parts = [
        count(receipt.references, "reference", "references"),
        count(receipt.events, "event", "events"),
        count(receipt.images, "kept picture", "kept pictures"),
    ]
    text = f"{receipt.out}: {', '.join(parts)} of {receipt.identity}; README.txt says what each file is"
    value(receipt, f"{text}; removing {receipt.identity} does not reach this copy", json=json)


def _sheet(csv: Path | None) -> None:
    if csv is not None:
        print(f"written to {in_line(csv)}")


def reproduced(record: Record, *, json: bool) -> None:
    """Published figures beside ours."""
    if json:
        dump(record)
        return
    print(f"{record.title}: {record.cpu_minutes} CPU minutes, seed {record.seed}")
    if record.stopped:
        print(f"  training ended: {record.stopped}")
    for figure in record.figures:
        paper = "nothing published" if figure.paper is None else f"published {100 * figure.paper:.2f} %"
        ours = figure.ours
        print(f"  {figure.name}: {100 * ours.value:.2f} % [{100 * ours.low:.2f}, {100 * ours.high:.2f}], {paper}")
    if record.smoke:
        print("  a smoke run: these figures mean nothing")

"""The values that travel between floors: frozen, plain, and turned into JSON by ``dataclasses.asdict``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from firstsight.errors import UndecidedError
from firstsight.spelling import shown, spelled

if TYPE_CHECKING:
    from PIL import Image

FloatArray: TypeAlias = npt.NDArray[np.float32]
PixelArray: TypeAlias = npt.NDArray[np.uint8]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]


class Tensor(Protocol):
    """An array of another library."""

    def __array__(self) -> npt.NDArray[Any]:
        """Its values."""


Source: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | npt.NDArray[Any] | Tensor"
)
"""What a user hands in: a path, the bytes of an image file, a file opened with ``rb``, a Pillow image of any mode, or
pixels ``(h, w)``, ``(h, w, 1)`` or ``(h, w, 3)`` uint8, with colours in the order RGB. (OpenCV has BGR: give it
``pixels[..., ::-1]``.) A tensor of torch is taken too, with its channels first or last."""


@dataclass(frozen=True, slots=True)
class Example:
    """One input and what is known of it. Names are spelled as identities are, see :mod:`firstsight.spelling`.

    Attributes:
        label: the class, written so that it is unique in its data set (``Greek/character03``).
        load: gives the path or the raw bytes of the input.
        key: what tells the content, where the data set knows it unread; "" for the hash of what ``load`` gives.
        group: what its *class* belongs to (alphabet, category); "" where the data has none.
        origin: who or what made *this example* (drawer, writer, camera, design family); "" if unknown.
        source: where it comes from, for people to read.
        metadata: what else the data says of it; kept with a reference that is enrolled from it.
    """

    label: str
    load: Callable[[], Path | bytes] = field(repr=False, compare=False)
    key: str = ""
    group: str = ""
    origin: str = ""
    source: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        for name in ("label", "group", "origin", "key", "source"):
            given = getattr(self, name)
            made = shown(given) if name in ("key", "source") else spelled(shown(given))
            if made != given:
                object.__setattr__(self, name, made)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an input becomes.

    Attributes:
        arrays: ``(n, c, h, w)`` uint8; n is 1 for a glyph or an image, 0 to many for faces in a photograph.
        boxes: for each array its place in the input, ``(left, top, right, bottom)`` in pixels.
        notes: what was seen on the way ("no ink found", "depth guessed: 12 bits"); empty when all is well.
        blank: whether nothing is there to recognise; the notes say why.
    """

    arrays: PixelArray
    boxes: tuple[tuple[int, int, int, int], ...] = ()
    notes: tuple[str, ...] = ()
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Metric:
    """A measured value with its 95 % interval (``low`` and ``high`` equal ``value`` where none applies)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What figures mean for use, in words.

    Attributes:
        level: ``usable``, ``weak``, ``useless``, or ``unknown`` where nothing could be measured.
        sentence: what for, at which rates, how sure, and against comparing pixels and HOG.
        reason: the likeliest reason why it is no better; "" where there is none to name.
        advice: the one next step that would help most; "" where none is needed.
        data: what it was measured on.
        identities, fpir: of the door: so many enrolled with one image each, this share of strangers let in.
        fnir: enrolled ones who are missed there; of the baselines by name, and by how much the model is better.
        fnmr: one claimed identity missed, at an FMR of 1 %.
        classes: how many it was measured on.
        learned: whether the figures are of what was learned.
        model: fingerprint of the model; "" where it is of a gallery's answers.
        trainings: by how many the figures are, of which the model is the first; each held out other classes.
    """

    level: Literal["usable", "weak", "useless", "unknown"]
    sentence: str
    reason: str = ""
    advice: str = ""
    data: str = ""
    identities: int = 0
    fpir: float = 0.0
    fnir: Metric | None = None
    fnmr: Metric | None = None
    baselines: Mapping[str, Metric] = field(default_factory=dict)
    gain: Metric | None = None
    classes: int = 0
    learned: bool = False
    model: str = ""
    trainings: int = 1

    def __post_init__(self) -> None:
        """Refuse figures that are none; a verdict read from a file comes through here too."""
        several = (self.fnir, self.fnmr, self.gain, *self.baselines.values())
        rates = [rate for m in several if m is not None for rate in (m.value, m.low, m.high)]
        if not all(-1 <= rate <= 1 for rate in (*rates, self.fpir)):
            raise ValueError("a rate of the verdict is not between 0 and 1")

    def __str__(self) -> str:
        reason = f"; likeliest reason: {self.reason}" if self.reason else ""
        return f"{self.sentence}{reason}{f'; {self.advice}' if self.advice else ''}"


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a protocol.

    Attributes:
        protocol: its name, with the variant in words.
        data: the data set evaluated.
        model: name and fingerprint of what was evaluated.
        trained_on: the data the model learned from.
        trials: number of decisions behind the headline metric.
        seed: of every draw.
        metrics: name -> Metric; the first is the headline.
        details: tables and curves behind the metrics, JSON-ready.
        notes: sentences a reader must know.
        diagnosis: what the figures mean, and what to do about it, in words.
        verdict: what they mean for use; None in reports of earlier versions.
    """

    protocol: str
    data: str
    model: str
    trained_on: str
    trials: int
    seed: int
    metrics: Mapping[str, Metric]
    details: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    diagnosis: tuple[str, ...] = ()
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of ``verify`` and ``compare``, and as true as that: ``if gallery.verify(...)`` holds for "same" alone.

    Attributes:
        same: the answer; None when the model is not calibrated and so cannot decide.
        score: similarity, higher is more alike.
        probability: calibrated probability of "same" (equal prior odds), or None.
        threshold: the score from which the answer is "same", or None.
        reason: one sentence.
        probability_low, probability_high: 95 % band of the probability, from resampling what it was calibrated on.
        needed: the probability at the threshold, or None.
        answer: the answer to people, with how sure it is and must be; ``str`` of the decision.
    """

    same: bool | None
    score: float
    probability: float | None
    threshold: float | None
    reason: str
    probability_low: float | None = None
    probability_high: float | None = None
    needed: float | None = None
    answer: str = ""

    def __str__(self) -> str:
        """The answer in words."""
        return self.answer or self.reason

    def __bool__(self) -> bool:
        """Whether it is the same.

        Raises:
            UndecidedError: nothing was decided, since the model is not calibrated.
        """
        if self.same is None:
            raise UndecidedError(f"score {self.score:.3f} was asked whether it is the same: {self.reason}")
        return self.same


@dataclass(frozen=True, slots=True)
class Candidate:
    """One enrolled identity as an answer to a probe, compared on its own.

    Attributes:
        identity: its name.
        score, probability: as in Decision; the score is less the shift of its number of references, so that one
            threshold holds for all candidates.
        reached: whether it reaches the threshold; several may, and the best of them is the answer.
    """

    identity: str
    score: float
    probability: float | None
    reached: bool | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """The answer of ``identify``; true where somebody was recognised, and not for "unknown".

    Attributes:
        identity: the enrolled identity, or None for "unknown".
        score, probability, threshold: of the best candidate, as in Decision.
        reason: one sentence.
        candidates: the best identities, best first.
        probability_low, probability_high, needed, answer: as in Decision.
        strangers_accepted: share of strangers whom a gallery of this size takes for someone, as the calibration
            foretells it; None where that is not known.
    """

    identity: str | None
    score: float
    probability: float | None
    threshold: float
    reason: str
    candidates: tuple[Candidate, ...] = ()
    probability_low: float | None = None
    probability_high: float | None = None
    needed: float | None = None
    answer: str = ""
    strangers_accepted: float | None = None

    def __str__(self) -> str:
        """The answer in words."""
        return self.answer or self.reason

    def __bool__(self) -> bool:
        """Whether it is somebody known."""
        return self.identity is not None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The receipt of ``enroll`` and ``replace``: it exists only after the references are on disk.

    Attributes:
        identity: whose references these are.
        added: how many are new; an image that the identity has already is not stored twice.
        references: how many it now has.
        notes: what was seen on the way.
    """

    identity: str
    added: int
    references: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What the quality gate has against one image.

    Attributes:
        name: ``blank``, ``blur``, ``contrast``, ``duplicate``, ``outlier`` or ``size``; it is overridden by this name.
        source: the image.
        message: what was seen, what was expected and what mends it.
        value: what was measured.
        limit: the least that is expected; of a ``duplicate`` the score from which on it is one.
    """

    name: str
    source: str
    message: str
    value: float
    limit: float


@dataclass(frozen=True, slots=True)
class Reference:
    """A stored reference, without its vector.

    Attributes:
        id: rises with every enrolment, whatever the clock says, and is never given twice.
        identity, source, created: whose it is, where it came from, when it was stored (UTC).
        key: hash of the image, or "" where only an embedding came.
        kept: whether the image itself is in the store.
        metadata: what was said of it at enrolment.
    """

    id: int
    identity: str
    source: str
    created: str
    key: str = ""
    kept: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identity:
    """An enrolled identity: its name, how many references it has, and what is said of it."""

    identity: str
    references: int
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Removal:
    """The receipt of ``remove``, ``rename`` and ``merge``.

    Attributes:
        identity: the name that is gone.
        removed: references that it had.
        into: the name that has them now, or None when they were deleted.
        erased: whether what is gone is out of every file of the store already.
        notes: where it is not, when it will be.
    """

    identity: str
    removed: int
    into: str | None = None
    erased: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of identifying a labelled data set against a gallery.

    Attributes:
        data: what was asked.
        enrolled: identities in the gallery.
        probes: examples of enrolled classes, of which ``right``, ``wrong`` and ``unknown`` add up.
        best_is_right: probes whose best candidate was right, whatever the threshold said (rank 1).
        strangers: examples of classes that are not enrolled; ``strangers_unknown`` of them were told apart.
        left_out: examples not asked because they are enrolled themselves.
        answers: for each probe ``(source, label, identity or None, score)``.
        verdict: what the counts mean for use.
    """

    data: str
    enrolled: int
    probes: int
    right: int
    wrong: int
    unknown: int
    best_is_right: int
    strangers: int
    strangers_unknown: int
    left_out: int
    answers: tuple[tuple[str, str, str | None, float], ...]
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Info:
    """A part by its name, for lists."""

    name: str
    about: str


class Embedder(Protocol):
    """Anything that turns inputs into vectors whose similarity is meaningful."""

    @property
    def name(self) -> str:
        """For reports."""

    def embed_arrays(self, arrays: PixelArray) -> FloatArray:
        """``(n, c, h, w)`` uint8 readings to ``(n, d)`` float32 embeddings."""

    def score(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Scores ``(a, b)`` of every row of ``left (a, d)`` against every row of ``right (b, d)``."""

    def templates(self, vectors: FloatArray, owners: IntArray, identities: int) -> FloatArray:
        """One vector ``(identities, d)`` for the references ``(r, d)`` of each, see Similarity.templates."""


@runtime_checkable
class PairEmbedder(Protocol):
    """What an Embedder offers besides whose score may cost a run of a network on pairs."""

    @property
    def pairwise(self) -> bool:
        """Whether it does."""

    def aligned(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Scores ``(n,)`` of ``left (n, d)`` and ``right (n, d)``, row by row."""

    def among(self, probes: FloatArray, gallery: FloatArray) -> FloatArray:
        """Scores ``(a, b)`` as a search among ``gallery (b, d)`` sees them, which may look at a shortlist only."""

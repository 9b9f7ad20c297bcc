"""What a service and its keys are told by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from firstsight.types.failures import Failure
from firstsight.types.values import Verdict


@dataclass(frozen=True, slots=True)
class GalleryInfo:
    """One gallery of a store.

    Attributes:
        gallery: its name; ``main`` where the address has none.
        model, fingerprint: what it was made by.
        identities, references: how many are enrolled.
        keep_sources: whether the images of references are kept in the store.
    """

    gallery: str
    model: str
    fingerprint: str
    identities: int
    references: int
    keep_sources: bool


@dataclass(frozen=True, slots=True)
class Dropped:
    """The receipt of ``drop``.

    Attributes:
        gallery: that is gone.
        identities, references: how many went with it.
        erased: whether what is gone is out of every file of the store already.
        notes: where it is not, when it will be.
    """

    gallery: str
    identities: int
    references: int
    erased: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """Who may ask a service; without its secret, which nothing holds.

    Attributes:
        name: to tell it by, in lists and logs.
        role: ``read``, ``enroll`` or ``admin``; each may do what those before it may.
        created, expires: UTC; None never expires.
    """

    name: str
    role: str
    created: str
    expires: str | None = None


@dataclass(frozen=True, slots=True)
class Revoked(Key):
    """The receipt of ``revoke``: the key that was.

    Attributes:
        notes: where it was the last one, what follows.
    """

    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Embeddings:
    """What ``embed`` gives: vectors ``(n, d)`` of the images, and the fingerprint of the model they are of.

    Of several images, one that can't be read has a failure in the place of its vector.
    """

    model: str
    embeddings: tuple[tuple[float, ...] | Failure, ...]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a service says of its model.

    Attributes:
        name, fingerprint, dim: as in its directory.
        card: Markdown for people.
        input: what reads images for it, with its settings.
        trained: what it learned from.
        threshold: "same" from this score on; None without a calibration.
        target: what the threshold was chosen for, in words.
        curve: ``score``, rising, and at each ``probability`` of "same", ``fmr`` and ``fnmr`` were it the threshold.
        verdict: what it is good for; None in models of earlier versions.
    """

    name: str
    fingerprint: str
    dim: int
    card: str
    input: Mapping[str, str | int | float | bool]
    trained: Mapping[str, str | int]
    threshold: float | None
    target: str | None
    curve: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """What ``doctor`` found out; true unless it is broken, so that ``all(doctor())`` says whether all is well.

    Attributes:
        name: what was looked at.
        ok: whether it is as it should be; None where it only informs.
        value: what was found.
        advice: what mends it, where it is broken.
    """

    name: str
    ok: bool | None
    value: str
    advice: str = ""

    def __bool__(self) -> bool:
        """Whether nothing is broken."""
        return self.ok is not False

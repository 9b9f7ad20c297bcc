"""How a metric is named and written for people, on the page as in the terminal."""

from __future__ import annotations

import math
import re

PLAIN = frozenset(
    {"auc", "brier", "cllr", "min_cllr", "min_dcf", "act_dcf", "d_prime", "log_loss", "score", "threshold", "slope"}
    | {"effective_dim", "effective_dimension", "intercept"}
)
"""Metrics that are plain numbers. All that is neither here nor in COUNTS is a rate."""

COUNTS = frozenset({"gallery_size", "references", "trials", "classes", "examples", "dim", "groups", "pairs", "draws"})
"""Metrics that count."""

_COSTS = frozenset(
    {"eer", "fmr", "fnmr", "far", "frr", "fpir", "fnir", "fta", "fte", "ece", "brier", "cllr", "min_cllr", "min_dcf"}
    | {"act_dcf", "log_loss", "error", "errors"}
)

_KNOWN = {
    "accuracy": ("accuracy", "share of answers that are right"),
    "act_dcf": ("actual detection cost", "cost of the errors at the saved threshold; lower is better"),
    "auc": ("AUC", "chance that a same pair outscores a different one; 1 is perfect, 0.5 is guessing"),
    "brier": ("Brier score", "mean squared error of the stated probabilities; lower is better"),
    "chance": ("guessing", "what blind guessing would reach"),
    "cllr": ("log-likelihood-ratio cost", "how informative the probabilities are; 0 is perfect, 1 is useless"),
    "ece": ("calibration error", "how far the stated probabilities are from what happens; lower is better"),
    "eer": ("equal error rate", "both kinds of error, at the threshold where they are equally frequent"),
    "fmr": ("false match rate", "different ones taken for the same"),
    "fnmr": ("false non-match rate", "same ones not recognised"),
    "fpir": ("false positive identification rate", "strangers taken for somebody enrolled"),
    "fnir": ("false negative identification rate", "enrolled ones missed or taken for another"),
    "map": ("mean average precision", "how far up the list the same class comes; 100% is perfect"),
    "map@r": ("MAP@R", "how purely the nearest examples are of the same class"),
    "min_dcf": ("minimal detection cost", "cost of the errors at the best threshold; lower is better"),
    "hog": ("HOG", "what histograms of oriented gradients, without learning, reach"),
    "pixels": ("comparing pixels", "what comparing raw pixels, without learning, reaches"),
    "precision": ("precision", "share of what was found that is right"),
    "rank": ("rank rate", "searches whose right identity is among the first so many"),
    "recall": ("recall", "queries with one of the same class among the nearest so many"),
    "tar": ("true accept rate", "same pairs recognised"),
}

_NAMES = PLAIN | COUNTS | _COSTS | set(_KNOWN)


def number(name: str, value: float | None) -> str:
    """A metric's value as people read it: rates in percent, the rest plain.

    Args:
        name: of the metric, ``fnmr@threshold``; what follows the ``@`` does not matter.
        value: a share where the metric is a rate; None or NaN where there is none.

    Example:
        >>> number("accuracy", 0.973), number("auc", 0.9987), number("fmr@threshold", 0.00004), number("eer", None)
        ('97.30%', '0.9987', '0.004%', 'n/a')
    """
    if value is None or not math.isfinite(value):
        return "n/a"
    base = _base(name)
    if base in COUNTS:
        return f"{value:,.0f}"
    if base in PLAIN:
        return f"{value:.4f}"
    # Two digits after the point would write a rare error as none.
    return f"{100 * value:.1g}%" if 0 < abs(value) < 5e-4 else f"{value:.2%}"


def is_rate(name: str) -> bool:
    """Whether a metric is a share of something, to be shown in percent."""
    return _base(name) not in PLAIN | COUNTS


def is_cost(name: str) -> bool:
    """Whether less of it is better."""
    return _base(name) in _COSTS


def title(name: str) -> str:
    """A metric's name in words.

    Example:
        >>> title("eer"), title("tar@fmr=0.01"), title("fnmr@threshold"), title("my_own")
        ('equal error rate', 'true accept rate at FMR 1%', 'false non-match rate at the threshold', 'my own')
        >>> title("eer, same alphabet"), title("pixels map@r"), title("rank 5")
        ('equal error rate, same alphabet', 'comparing pixels: MAP@R', 'rank 5')
    """
    for own in ("pixels", "hog"):
        if name.startswith(f"{own} "):
            return f"{_KNOWN[own][0]}: {title(name.removeprefix(f'{own} '))}"
    base, rest = _parts(name)
    if base not in _KNOWN or base == "rank":
        return name.replace("_", " ")
    words = _KNOWN[base][0]
    if not rest.startswith("@"):
        return words + rest
    if rest == "@threshold":
        return f"{words} at the threshold"
    if condition := re.fullmatch(r"@(\w+)=([\d.e-]+)", rest):
        return f"{words} at {condition[1].upper()} {100 * float(condition[2]):g}%"
    return f"{words} at {rest[1:]}"


def hint(name: str) -> str:
    """What a metric says, in a few words; "" where nothing is known of it."""
    return _KNOWN.get(_parts(name)[0], ("", ""))[1]


def named(text: str) -> str:
    """A text with the last names of its paths only: a page is passed on, and a machine's folders are nobody's business.

    Example:
        >>> named("folder:/home/ann/photos:validation"), named("and/or, 3/4"), named("/data/a.png is black")
        ('folder:photos:validation', 'and/or, 3/4', 'a.png is black')
    """
    return re.sub(r"(?<![\w/.~])(?:~|\.{1,2})?/(?:[^\s:,;()/]+/)*([^\s:,;()/]+)/?", r"\1", text)


def short(text: str, most: int = 24) -> str:
    """A label in one line of at most ``most`` characters; a long one loses its middle, where labels differ least."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    tail = most // 2
    return f"{text[: most - tail - 1]}…{text[-tail:]}"


def _base(name: str) -> str:
    return _parts(name)[0]


def _parts(name: str) -> tuple[str, str]:
    """The metric behind a name and what qualifies it: "eer, same alphabet" is ("eer", ", same alphabet")."""
    name = name.removeprefix("pixels ").removeprefix("hog ")
    if name in _KNOWN:
        return name, ""
    found = re.match(r"[a-z_]+(?=[@, ])", name, re.IGNORECASE)
    base = found[0].lower() if found else name.lower()
    return (base, name[len(base) :]) if base in _NAMES else (name.lower(), "")

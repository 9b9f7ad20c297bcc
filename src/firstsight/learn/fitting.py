"""Which parts fit together: similarity, comparison and loss, told before the first step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from firstsight.errors import UsageError
from firstsight.learn.catalogue import COMPARISONS, LOSSES, SAMPLERS, SIMILARITIES
from firstsight.learn.comparisons.proxies import Proxies

_SCORES = {
    "cosine": "a cosine of normalised embeddings",
    "dot product": "an unbounded dot product",
    "negated distance": "a negated distance",
    "negated squared distance": "a negated squared distance",
    "kernel": "a kernel of 0 to 1",
    "logit": "a logit",
}
"""What a domain is, in a sentence."""


def misfit(similarity: str, comparison: str, loss: str) -> str:
    """Which two of three parts of the catalogue do not fit: "rows", "domain" or "proxies"; "" when all fit.

    Example:
        >>> misfit("euclidean", "in_batch", "arcface")
        'domain'
        >>> misfit("euclidean", "in_batch", "triplet")
        ''
    """
    given, compared, judged = SIMILARITIES[similarity], COMPARISONS[comparison], LOSSES[loss]
    if judged.rows and not compared.rows:
        return "rows"
    if given.domain not in judged.domains:
        return "domain"
    return "proxies" if issubclass(compared, Proxies) and given.domain != "cosine" else ""


def check_objective(sections: Mapping[str, Mapping[str, Any]], compared: str, judged: str) -> None:
    """Check that a loss takes the kind of score and the rows that similarity and comparison give it.

    Args:
        sections: of a recipe, whose names exist.
        compared: section of the comparison.
        judged: section of the loss.

    Raises:
        UsageError: it does not; the sentence names both parts and the changes that mend it.
    """
    similarity, comparison, loss = (str(sections[section]["name"]) for section in ("similarity", compared, judged))
    drawn, sampling = COMPARISONS[comparison].given, str(sections["sampling"]["name"])
    if drawn and SAMPLERS[sampling].gives != drawn:
        raise UsageError(
            f"{compared} {comparison!r} takes {drawn} as they were drawn, sampling {sampling!r} draws "
            f"{SAMPLERS[sampling].gives or 'examples'}; set sampling.name={drawn}"
        )
    wrong = misfit(similarity, comparison, loss)
    if not wrong:
        return
    usable = [name for name, part in COMPARISONS.items() if part.given in ("", SAMPLERS[sampling].gives)]
    beside = [  # another objective of the recipe goes by the same similarity
        (str(sections[c]["name"]), str(sections[j]["name"]))
        for c, j in (("comparison", "loss"), ("also_comparison", "also_loss"))
        if c in sections and j in sections
    ]
    kind = _SCORES[SIMILARITIES[similarity].domain]
    domains = _listed(_SCORES[domain] for domain in LOSSES[loss].domains)
    said = {
        "rows": f"{judged} {loss!r} needs a row of scores an anchor, {compared} {comparison!r} gives single pairs",
        "domain": f"{judged} {loss!r} is defined on {domains}, similarity {similarity!r} gives {kind}",
        "proxies": f"{compared} {comparison!r} compares by the cosine, similarity {similarity!r} gives {kind}",
    }[wrong]
    changes = {
        "similarity": [
            name for name in SIMILARITIES if not any(misfit(name, *each) for each in {(comparison, loss), *beside})
        ],
        compared: [name for name in usable if not misfit(similarity, name, loss)],
        judged: [name for name in LOSSES if not misfit(similarity, comparison, name)],
    }
    joint = ", or "
    if not any(changes.values()):  # both of what the loss is given must change
        given = [name for name, part in SIMILARITIES.items() if part.domain in LOSSES[loss].domains]
        fitting = [name for name in usable if not any(misfit(each, name, loss) for each in given)]
        changes, joint = {"similarity": given, compared: fitting}, " and "
    mends = [f"set {section}.name to {_listed(names)}" for section, names in changes.items() if names]
    raise UsageError(f"{said}; {joint.join(mends)}")


def _listed(names: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last

"""Which parts fit together: similarity, comparison and loss, told before the first step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from firstsight.errors import UsageError
from firstsight.learn.catalogue import COMPARISONS, LOSSES, SAMPLERS, SIMILARITIES
from firstsight.learn.comparisons.proxies import Proxies
from firstsight.learn.encoders.pretrained import PRETRAINED

_SCORES = {
    "cosine": "a cosine of normalised embeddings",
    "dot product": "an unbounded dot product",
    "negated distance": "a negated distance",
    "negated squared distance": "a negated squared distance",
    "kernel": "a kernel of 0 to 1",
    "logit": "a logit",
}
"""What a domain is, in a sentence."""


def misfit(similarity: str, comparison: str, loss: str, *, beside: bool = False) -> str:
    """Which two of three parts of the catalogue do not fit: "rows", "domain" or "proxies"; "" when all fit.

    Args:
        similarity, comparison, loss: names.
        beside: whether it is the second objective of a recipe: there proxies may teach the measure by which a pair
            network's shortlist is found, while the first one teaches the network.

    Example:
        >>> misfit("euclidean", "in_batch", "arcface")
        'domain'
        >>> misfit("euclidean", "in_batch", "triplet")
        ''
    """
    compared, judged = COMPARISONS[comparison], LOSSES[loss]
    if judged.rows and not compared.rows:
        return "rows"
    proxies, domain = issubclass(compared, Proxies), _domain(similarity, comparison, beside)
    if domain not in judged.domains:
        return "domain"
    return "proxies" if proxies and domain != "cosine" else ""


def _domain(similarity: str, comparison: str, beside: bool) -> str:
    """The kind of scores that a comparison gives by a similarity."""
    given = SIMILARITIES[similarity]
    taught = beside and issubclass(COMPARISONS[comparison], Proxies)
    domain: str = getattr(given, "nearest", given.domain) if taught else given.domain
    return domain


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
            f"{SAMPLERS[sampling].gives or 'examples'}; set sampling.name="
            f"{_listed(name for name, part in SAMPLERS.items() if part.gives == drawn)}"
        )
    second = judged == "also_loss"
    wrong = misfit(similarity, comparison, loss, beside=second)
    if not wrong:
        return
    usable = [name for name, part in COMPARISONS.items() if part.given in ("", SAMPLERS[sampling].gives)]
    objectives = [  # another one of the recipe goes by the same similarity
        (str(sections[c]["name"]), str(sections[j]["name"]), j == "also_loss")
        for c, j in (("comparison", "loss"), ("also_comparison", "also_loss"))
        if c in sections and j in sections
    ]
    kind = _SCORES[_domain(similarity, comparison, second)]
    domains = _listed(_SCORES[domain] for domain in LOSSES[loss].domains)
    said = {
        "rows": f"{judged} {loss!r} needs a row of scores an anchor, {compared} {comparison!r} gives single pairs",
        "domain": f"{judged} {loss!r} is defined on {domains}, similarity {similarity!r} gives {kind}",
        "proxies": f"{compared} {comparison!r} compares by the cosine, similarity {similarity!r} gives {kind}",
    }[wrong]
    changes = {
        "similarity": [
            name
            for name in SIMILARITIES
            if not any(misfit(name, c, j, beside=also) for c, j, also in {(comparison, loss, second), *objectives})
        ],
        compared: [name for name in usable if not misfit(similarity, name, loss, beside=second)],
        judged: [name for name in LOSSES if not misfit(similarity, comparison, name, beside=second)],
    }
    joint = ", or "
    if not any(changes.values()):  # both of what the loss is given must change
        given = [name for name, part in SIMILARITIES.items() if part.domain in LOSSES[loss].domains]
        fitting = [name for name in usable if not any(misfit(each, name, loss) for each in given)]
        changes, joint = {"similarity": given, compared: fitting}, " and "
    mends = [f"set {section}.name to {_listed(names)}" for section, names in changes.items() if names]
    raise UsageError(f"{said}; {joint.join(mends)}")


def check_frozen(sections: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse what alters images where the network that sees them is frozen: each is embedded once, before training.

    Args:
        sections: of a recipe, whose names and keys exist.

    Raises:
        UsageError: some setting would do nothing; names them all.
    """
    encoder, training = sections["encoder"], sections.get("training", {})
    if encoder["name"] not in PRETRAINED or not encoder.get("frozen", True):
        return
    idle = [f"augment.{key}" for key in sections.get("augment", {})]
    idle += [f"training.{key}" for key, none in (("turns", 1), ("composites", 0.0)) if training.get(key, none) != none]
    idle += ["export.views"] * (sections.get("export", {}).get("views", 1) != 1)
    if idle:
        raise UsageError(
            f"encoder {encoder['name']!r} is frozen, so each image is embedded once, as it is, and {', '.join(idle)} "
            "would do nothing; take the recipe backbone, or leave them out"
        )


def _listed(names: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last

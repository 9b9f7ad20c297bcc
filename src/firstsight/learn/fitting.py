"""Which parts fit together: similarity, comparison and loss, told before the first step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from firstsight.errors import UsageError
from firstsight.learn.catalogue import AUGMENTS, COMPARISONS, LOSSES, PROJECTIONS, SAMPLERS, SIMILARITIES
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
    """Which two of three parts of the catalogue do not fit; "" when all fit.

    "rows", "domain" and "proxies" are about the form of scores, "apart" about what keeps embeddings from all being
    alike: a loss that tells what is different apart, or a comparison that holds one side still.

    Example:
        >>> misfit("euclidean", "in_batch", "arcface")
        'domain'
        >>> misfit("euclidean", "in_batch", "triplet")
        ''
    """
    given, compared, judged = SIMILARITIES[similarity], COMPARISONS[comparison], LOSSES[loss]
    if judged.apart != compared.apart:
        return "apart"
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
        "apart": f"{judged} {loss!r} draws together only, and {compared} {comparison!r} needs one that tells apart too"
        if COMPARISONS[comparison].apart
        else f"{compared} {comparison!r} gives same pairs only, and {judged} {loss!r} learns from different ones too",
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
    if not any(changes.values()):  # two of the three must change
        given = [name for name, part in SIMILARITIES.items() if part.domain in LOSSES[loss].domains]
        fitting = [name for name in usable if not any(misfit(each, name, loss) for each in given)]
        changes, joint = {"similarity": given, compared: fitting}, " and "
        if not fitting:
            able = {s: [j for j in LOSSES if not misfit(s, comparison, j)] for s in SIMILARITIES}
            losses = next(some for some in able.values() if some)
            changes = {"similarity": [s for s, some in able.items() if set(losses) <= set(some)], judged: losses}
    mends = [f"set {section}.name to {_listed(names)}" for section, names in changes.items() if names]
    raise UsageError(f"{said}; {joint.join(mends)}")


def check_views(sections: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that two views of an image can differ, and that a head leaves the similarity as the model has it.

    Args:
        sections: of a recipe, whose names and settings exist.

    Raises:
        UsageError: every strength of the augmentation is 0; or a similarity with weights follows a head.
    """
    name, settings = _named(sections, "augment", AUGMENTS)
    if SAMPLERS[str(sections["sampling"]["name"])].gives == "views":
        picture = torch.zeros(1, 1, 16, 16)
        picture[:, :, 3:12, 4:11] = torch.rand(9, 7, generator=torch.Generator().manual_seed(0)) / 2 + 0.5
        views = AUGMENTS[name](picture.expand(256, -1, -1, -1), torch.Generator().manual_seed(0), **settings)
        if bool((views == views[:1]).all()):
            raise UsageError(
                f"augment {name!r} changes nothing as it is set, so both views of an image are equal and nothing is "
                "learned from them; raise augment.degrees, say, or take the recipe simclr's [augment]"
            )
    similarity = SIMILARITIES[str(sections["similarity"]["name"])]
    head, _ = _named(sections, "projection", PROJECTIONS)
    if head != "none" and issubclass(similarity, nn.Module):
        raise UsageError(
            f"similarity {sections['similarity']['name']!r} learns weights for the numbers of an embedding, and with "
            f"projection {head!r} it would learn those of the head, which no model keeps; set projection.name=none or "
            "similarity.name=cosine"
        )


def _named(
    sections: Mapping[str, Mapping[str, Any]], section: str, parts: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Name and settings of a part that has a default: the first."""
    content = dict(sections.get(section, {}))
    return str(content.pop("name", next(iter(parts)))), content


def _listed(names: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last

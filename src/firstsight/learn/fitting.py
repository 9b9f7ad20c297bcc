"""Which parts fit together: similarity, comparison and loss, told before the first step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from firstsight.errors import UsageError
from firstsight.learn.catalogue import AUGMENTS, COMPARISONS, LOSSES, PROJECTIONS, SAMPLERS, SIMILARITIES
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
    """Which two of three parts of the catalogue do not fit; "" when all fit.

    "rows", "domain" and "proxies" are about the form of scores, "apart" about what keeps embeddings from all being
    alike: a loss that tells what is different apart, or a comparison that holds one side still.

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
    if judged.apart != compared.apart:
        return "apart"
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
    if sections["sampling"].get("order") == "trails" and drawn != "pairs":
        raise UsageError(
            f"{compared} {comparison!r} compares across the batch, in which an example of sampling.order=trails stands "
            f"several times; set sampling.order=shuffled, or {compared}.name=given_pairs"
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
        "apart": f"{judged} {loss!r} draws together only, and {compared} {comparison!r} needs one that tells apart too"
        if COMPARISONS[comparison].apart
        else f"{compared} {comparison!r} gives same pairs only, and {judged} {loss!r} learns from different ones too",
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
    encoder = sections["encoder"]
    if SAMPLERS[str(sections["sampling"]["name"])].gives == "views":
        if encoder["name"] in PRETRAINED and encoder.get("frozen", True):
            raise UsageError(
                f"encoder {encoder['name']!r} is frozen, so each image is embedded once and both its views are equal; "
                "set encoder.frozen=false, or another sampling.name than views"
            )
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

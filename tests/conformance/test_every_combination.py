"""Every similarity with every comparison and every loss: it trains a step, or the recipe is refused with the mend."""

import doctest
import itertools
import re

import pytest
import torch

from firstsight import api
from firstsight.errors import DataError, UsageError
from firstsight.learn import checkpoint, fitting
from firstsight.learn.catalogue import COMPARISONS, LOSSES, SIMILARITIES
from firstsight.learn.fitting import misfit
from firstsight.learn.objective import Objective
from firstsight.learn.recipe import load
from firstsight.learn.similarities.weighted import sized

COMBINATIONS = list(itertools.product(SIMILARITIES, COMPARISONS, LOSSES))
FITTING = [parts for parts in COMBINATIONS if not misfit(*parts)]
REFUSED = [parts for parts in COMBINATIONS if misfit(*parts)]
SECTIONS = ("similarity", "comparison", "loss")
DIM, CLASSES = 16, 4


def changes(parts):
    """What names these parts in a recipe, and the sampling that a comparison of what was drawn takes."""
    drawn = COMPARISONS[parts[1]].given
    named = [f"{section}.name={name}" for section, name in zip(SECTIONS, parts, strict=True)]
    return [*named, f"sampling.name={drawn}"] if drawn else named


def mended(parts, sentence):
    """Every combination that the sentence proposes instead."""
    proposals = dict(re.findall(r"set (\w+)\.name to ([\w, ]+?)(?=,? or set | and set |$)", sentence))
    options = {section: re.split(r", | or ", names) for section, names in proposals.items()}
    assert options
    assert set(options) <= set(SECTIONS)
    before = dict(zip(SECTIONS, parts, strict=True))
    together = " and set " in sentence
    sets = itertools.product(*options.values()) if together else [(x,) for names in options.values() for x in names]
    keys = [tuple(options)] * 10**3 if together else [(k,) for k, names in options.items() for _ in names]
    return [{**before, **dict(zip(k, v, strict=True))} for k, v in zip(keys, sets, strict=False)]


def test_there_are_fitting_and_refused_ones():
    """Every similarity, comparison and loss stands in a combination that trains; most combinations are refused."""
    for place, parts in enumerate((SIMILARITIES, COMPARISONS, LOSSES)):
        assert {combination[place] for combination in FITTING} == set(parts)
    assert len(FITTING) > 30
    assert len(REFUSED) > len(FITTING)


@pytest.mark.parametrize("parts", FITTING, ids="-".join)
def test_what_fits_trains_a_step(parts):
    """One step on random embeddings: a finite loss before and after, and a finite gradient that is not all 0."""
    recipe = load("folder", [*changes(parts), "training.precision=float32"])
    torch.manual_seed(0)
    encoder = torch.nn.Linear(DIM, DIM)
    objective = Objective(recipe, sized(recipe.part("similarity"), DIM, recipe.settings("similarity")), DIM, CLASSES)
    weights = [*encoder.parameters(), *objective.parameters()]
    images = torch.randn(24, DIM)
    labels = torch.tensor([0, 0, 1, 2, 2, 3] * 4) if COMPARISONS[parts[1]].given else torch.arange(24) % CLASSES

    def loss():
        return objective(encoder(images), labels, torch.Generator().manual_seed(1))

    before = loss()
    assert before.shape == ()
    assert before.isfinite()
    before.backward()
    slopes = [w.grad for w in weights if w.grad is not None]
    assert all(slope.isfinite().all() for slope in slopes)
    assert encoder.weight.grad.any()
    with torch.no_grad():
        for w in weights:
            if w.grad is not None:
                w -= 1e-2 * w.grad
    after = loss()
    assert after.isfinite()
    assert after != before


@pytest.mark.parametrize("parts", REFUSED, ids="-".join)
def test_what_does_not_fit_is_refused_with_its_mend(parts):
    """The recipe is refused before any data is read, naming two parts and changes of which each one makes it fit."""
    with pytest.raises(UsageError) as caught:
        load("folder", changes(parts))
    sentence = str(caught.value)
    said, _, mend = sentence.partition("; ")
    assert sum(f"{name!r}" in said for name in parts) >= 2
    assert "\n" not in sentence
    proposed = mended(parts, mend)
    assert proposed
    for other in proposed:
        load("folder", changes([other[section] for section in SECTIONS]))


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        (
            ("cosine", "sampled_pairs", "triplet"),
            "loss 'triplet' needs a row of scores an anchor, comparison 'sampled_pairs' gives single pairs; set "
            "comparison.name to in_batch, sampled_triplets or proxies",
        ),
        (
            ("dot", "in_batch", "arcface"),
            "loss 'arcface' is defined on a cosine of normalised embeddings, similarity 'dot' gives an unbounded dot "
            "product; set similarity.name to cosine, or set loss.name to cross_entropy or triplet",
        ),
        (
            ("dot", "in_batch", "contrastive"),
            "loss 'contrastive' is defined on a negated distance, similarity 'dot' gives an unbounded dot product; set "
            "similarity.name to angular, euclidean or manhattan, or set loss.name to cross_entropy or triplet",
        ),
        (
            ("euclidean", "proxies", "triplet"),
            "comparison 'proxies' compares by the cosine, similarity 'euclidean' gives a negated distance; set "
            "similarity.name to cosine, or set comparison.name to in_batch or sampled_triplets",
        ),
        (
            ("dot", "proxies", "contrastive"),
            "loss 'contrastive' is defined on a negated distance, similarity 'dot' gives an unbounded dot product; set "
            "similarity.name to angular, euclidean or manhattan and set comparison.name to in_batch, sampled_pairs or "
            "sampled_triplets",
        ),
    ],
)
def test_the_sentences(named, sentence):
    """Triplets of pairs, a margin on what is no cosine, contrastive without bounds, proxies by distance, both wrong."""
    with pytest.raises(UsageError) as caught:
        load("folder", changes(named))
    assert str(caught.value) == sentence


@pytest.mark.parametrize("parts", REFUSED[::4], ids="-".join)
def test_a_mend_does_not_spoil_the_other_objective(parts):
    """Beside a first objective on cosines, a second that does not fit is mended by what leaves the first as it is."""
    first = ["similarity.name=cosine", "comparison.name=proxies", "loss.name=arcface"]
    _, comparison, loss = parts
    first += [f"sampling.name={drawn}" for drawn in [COMPARISONS[comparison].given] if drawn]
    if not misfit("cosine", comparison, loss):
        load("folder", [*first, f"also_comparison.name={comparison}", f"also_loss.name={loss}"])
        return
    with pytest.raises(UsageError) as caught:
        load("folder", [*first, f"also_comparison.name={comparison}", f"also_loss.name={loss}"])
    _, _, mend = str(caught.value).partition("; ")
    for section, names in re.findall(r"set (\w+)\.name to ([\w, ]+?)(?=,? or set | and set |$)", mend):
        for name in re.split(r", | or ", names):
            if " and set " not in mend:
                also = {"also_comparison": comparison, "also_loss": loss, section: name}
                load("folder", [*first, *(f"{key}.name={value}" for key, value in also.items())])


@pytest.mark.parametrize("parts", FITTING[::5], ids="-".join)
@pytest.mark.parametrize("given", ["data", "recipe"])
def test_pairs_are_refused_as_training_data(parts, given, shapes, tmp_path):
    """Data of pairs has no classes to draw anchors, triplets or proxies from: a sentence that names parts and mend."""
    files = [shapes / kind / f"{number}.png" for kind in ("ring", "cross") for number in (0, 1)]
    rows = [f"{left},{right},{int(left.parent == right.parent)}" for left, right in itertools.pairwise(files)]
    manifest = tmp_path / "pairs.csv"
    manifest.write_text("\n".join(["left,right,same", *rows]))
    where = {"data": str(manifest)} if given == "data" else {}
    also = [] if given == "data" else [f"data.train=manifest:{manifest}"]
    with pytest.raises(DataError) as caught:
        api.train("folder", *changes(parts), *also, out=tmp_path / "out", **where)
    assert str(caught.value) == (
        f"manifest:{manifest} holds pairs (left,right,same), which have no classes, and comparison {parts[1]!r} of "
        f"loss {parts[2]!r} is drawn from classes; name a folder of classes, or a manifest with the columns path,label"
    )
    assert not (tmp_path / "out" / "metrics.jsonl").exists()


@pytest.mark.parametrize("module", [fitting, checkpoint])
def test_the_examples_of_the_documentation_run(module):
    """What the documentation of refusals shows is what comes."""
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0

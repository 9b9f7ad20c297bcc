"""The objective: what it was before it had a home, its second loss, and its checkpoints."""

from functools import partial

import pytest
import torch
from torch import nn

from drawn import TINY
from firstsight import api
from firstsight.errors import UsageError
from firstsight.learn.fit import fit
from firstsight.learn.objective import Objective
from firstsight.learn.optimisers import make_optimiser
from firstsight.learn.recipe import load

ALSO = ("also_comparison.name=in_batch", "also_loss.name=triplet", "training.also=0.3")
CURVES = {
    (): [10.857947094749477, 11.595516772463133, 8.914019118614192, 8.468308451541505, 7.406936253266487],
    ("comparison.name=in_batch",): [
        14.890949838751553,
        12.571826662536518,
        11.422110642796047,
        9.407136319089409,
        9.989555470402147,
    ],
    ("loss.name=triplet", "comparison.name=sampled_triplets"): [
        0.869856928417937,
        0.6372072905385326,
        0.7397721971366382,
        0.3086175921941018,
        0.4866315700000956,
    ],
    ("similarity.name=euclidean", "loss.name=contrastive", "comparison.name=sampled_pairs"): [
        0.652564229011629,
        0.7509801238049686,
        0.9062119924513882,
        1.0757681846705618,
        0.7712598706071444,
    ],
}
"""Losses of five steps, written down when similarity, comparison and loss were still put together by hand."""


def made(*changes):
    """The recipe, its similarity and its objective for embeddings ``(b, 6)`` of 4 classes, in float64."""
    recipe = load("folder", (*changes, "training.precision=float32"))
    similarity = recipe.part("similarity")(**recipe.settings("similarity"))
    return recipe, similarity, Objective(recipe, similarity, 6, 4).double()


def batch(seed=0):
    """Twelve embeddings of four labels."""
    embeddings = torch.randn(12, 6, generator=generator(seed), dtype=torch.float64)
    return embeddings.requires_grad_(), torch.arange(12) % 4


def generator(seed):
    """A seeded one."""
    return torch.Generator().manual_seed(seed)


def images(step):
    """Images and labels, a function of the step."""
    return torch.randn(12, 2, 2, 2, generator=generator(step)).double(), torch.arange(12) % 4


@pytest.mark.parametrize("changes", CURVES, ids=["proxies", "in_batch", "triplets", "pairs"])
def test_the_seeded_curve_is_what_it_was(changes):
    """A seeded run has the losses it had before the objective was a module: parameters and draws come in one order."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(8, 6)).double()
    _, _, objective = made(*changes)
    steps = fit(
        encoder,
        lambda embeddings, labels, step: objective(embeddings, labels, generator(100 + step)),
        images,
        make_optimiser(encoder, objective, lr=0.05, weight_decay=0.01),
        steps=5,
        schedule=lambda _: 0.05,
    )
    assert [done.loss for done in steps] == pytest.approx(CURVES[changes], rel=1e-9)


def test_a_second_loss_is_added_by_its_weight():
    """The total is the first loss plus training.also times the second, to the last bit, and so are its gradients."""
    torch.manual_seed(1)
    recipe, similarity, both = made(*ALSO, "also_loss.margin=0.4")
    embeddings, labels = batch()
    proxies, rows = both.comparisons
    total = both(embeddings, labels, generator(0))
    parts = []
    for comparison, section in ((proxies, "loss"), (rows, "also_loss")):
        found = comparison(similarity.prepare(embeddings), labels, generator(0))
        loss = partial(recipe.part(section).function, **recipe.settings(section))
        parts.append(loss(found.score, found.same, found.weight))
    assert total == parts[0] + 0.3 * parts[1]
    slope, first, second = (torch.autograd.grad(x, embeddings, retain_graph=True)[0] for x in (total, *parts))
    assert second.any()
    torch.testing.assert_close(slope, first + 0.3 * second, rtol=0, atol=1e-12)


def test_the_first_loss_is_the_same_beside_a_second():
    """A second objective changes neither the first one's parameters nor its draws."""
    torch.manual_seed(2)
    _, _, alone = made("loss.name=triplet", "comparison.name=sampled_triplets")
    _, _, with_pairs = made(
        "loss.name=triplet",
        "comparison.name=sampled_triplets",
        "also_comparison.name=sampled_triplets",
        "also_loss.name=triplet",
        "training.also=1e-300",
    )
    assert alone(*batch(), generator(5)) == with_pairs(*batch(), generator(5))
    torch.manual_seed(3)
    _, _, one = made()
    torch.manual_seed(3)
    _, _, two = made("also_comparison.name=proxies", "also_loss.name=arcface")
    assert torch.equal(one.comparisons[0].proxies, two.comparisons[0].proxies)
    assert not torch.equal(two.comparisons[0].proxies, two.comparisons[1].proxies)


def test_the_second_loss_weighs_half_unless_told():
    """Without training.also the second loss counts half."""
    _, _, objective = made(*ALSO[:2])
    assert objective.shares == [1.0, 0.5]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            ("also_loss.name=triplet",),
            "the recipe names no also_comparison; add [also_comparison] with name = one of in_batch, sampled_pairs, "
            "sampled_triplets, proxies, given_pairs, given_triplets, predicted_views; a second objective is a "
            "comparison and a loss",
        ),
        (
            ("also_comparison.name=in_batch",),
            "the recipe names no also_loss; add [also_loss] with name = one of contrastive, logistic_contrastive, "
            "cross_entropy, triplet, multi_similarity, "
            "normalised_softmax, arcface, supcon, negative_cosine; a second objective is a comparison and a loss",
        ),
        (
            ("training.also=0.5",),
            "training.also weighs a second objective, and the recipe names none; add also_comparison and also_loss",
        ),
        ((*ALSO, "training.also=0"), "training.also is 0.0, more than 0 was expected"),
        (
            (*ALSO, "also_comparison.name=sampled_pairs"),
            "also_loss 'triplet' needs a row of scores an anchor, also_comparison 'sampled_pairs' gives single pairs; "
            "set also_comparison.name to in_batch, sampled_triplets or proxies",
        ),
        (
            (*ALSO, "also_loss.name=contrastive"),
            "also_loss 'contrastive' is defined on a negated distance, similarity 'cosine' gives a cosine of "
            "normalised embeddings; set also_loss.name to "
            "triplet, multi_similarity, normalised_softmax, arcface or supcon",
        ),
        (
            (*ALSO, "also_loss.margin=-1"),
            "also_loss.margin is -1.0, 0 or more was expected",
        ),
        (
            (*ALSO, "also_loss.temprature=1"),
            "there is no setting of also_loss 'temprature'; known: margin, mining",
        ),
        (
            (*ALSO, "also_comparison.dim=3"),
            "there is no setting of also_comparison 'dim'; known: none",
        ),
        (
            (*ALSO, "also_loss.name=nt_xent"),
            "there is no also_loss 'nt_xent' (did you mean 'supcon'?); known: arcface, contrastive, cross_entropy, "
            "logistic_contrastive, multi_similarity, negative_cosine, normalised_softmax, supcon, triplet",
        ),
        (
            ("also_los.name=triplet",),
            "there is no section 'also_los' (did you mean 'also_loss'?); known: also_comparison, also_loss, augment, "
            "comparison, data, encoder, export, input, loss, optimiser, projection, sampling, "
            "similarity, training",
        ),
    ],
)
def test_a_second_objective_is_checked_like_the_first(changes, sentence):
    """Half a pair, a weight of 0, and whatever is refused of the first is refused of the second, in a sentence."""
    with pytest.raises(UsageError) as caught:
        load("folder", changes)
    assert str(caught.value) == sentence


def test_a_second_objective_stands_in_a_recipe_file(tmp_path):
    """Sections [also_comparison] and [also_loss] of a file are read like any other."""
    file = tmp_path / "mixed.toml"
    shipped = (load("folder"), load("folder", ALSO))
    tables = {**shipped[1].sections}
    lines = []
    for section, content in tables.items():
        lines.append(f"[{section}]")
        lines += [f"{k} = {str(v).lower() if isinstance(v, bool) else repr(v)}" for k, v in content.items()]
    file.write_text("\n".join(lines))
    assert load(str(file)).sections == shipped[1].sections
    assert "also_loss" not in shipped[0].sections


def test_a_run_of_two_losses_can_be_resumed(shapes, tmp_path, monkeypatch):
    """A run with two objectives, both with proxies, that was stopped and resumed has the weights of a straight one."""
    kept = []
    monkeypatch.setattr(
        "firstsight.learn.run.save",
        lambda path, **parts: kept.append({k: v.clone() for k, v in parts["encoder"].state_dict().items()}),
    )
    mixed = ("also_comparison.name=proxies", "also_loss.name=arcface", "training.also=0.7")
    settings = (*TINY, *mixed, "training.steps=8", "training.checkpoint_every=3")

    def stop(event):
        if event.kind == "step" and event.step == 5:
            raise KeyboardInterrupt

    api.train("folder", *settings, data=str(shapes), out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        api.train("folder", *settings, data=str(shapes), out=tmp_path / "parts", listen=stop)
    state = torch.load(tmp_path / "parts" / "checkpoint.pt", weights_only=True)
    assert sorted(state["objective"]) == ["comparisons.0.proxies", "comparisons.1.proxies"]
    api.train("folder", *settings, data=str(shapes), out=tmp_path / "parts", resume=True)
    one, other = kept
    assert all(torch.equal(one[k], other[k]) for k in one)


def test_its_example_runs():
    """The example in the objective's documentation gives what it shows."""
    import doctest

    import firstsight.learn.objective as module

    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0

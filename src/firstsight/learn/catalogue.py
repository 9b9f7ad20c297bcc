"""Every part a recipe can name, on one screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from firstsight.learn.augment.affine import affine
from firstsight.learn.augment.warp import augment
from firstsight.learn.comparisons.batch import InBatch, SampledPairs, SampledTriplets
from firstsight.learn.comparisons.given import GivenPairs, GivenTriplets
from firstsight.learn.comparisons.predicted import PredictedViews
from firstsight.learn.comparisons.proxies import Proxies
from firstsight.learn.encoders.conv4 import Conv4
from firstsight.learn.encoders.koch import Koch
from firstsight.learn.encoders.pretrained import efficientnet_lite0, held_module, onnx_file
from firstsight.learn.encoders.residual import Residual
from firstsight.learn.encoders.tanh_twin import TanhTwin
from firstsight.learn.losses.multi_similarity import multi_similarity
from firstsight.learn.losses.pairwise import contrastive, cross_entropy, logistic_contrastive, negative_cosine
from firstsight.learn.losses.softmax import arcface, normalised_softmax, supcon
from firstsight.learn.losses.triplet import triplet
from firstsight.learn.projections import Perceptron, Straight
from firstsight.learn.sampling.balanced import Balanced
from firstsight.learn.sampling.batches import PK, HardGroups, Random, Sampler
from firstsight.learn.sampling.drawn import DrawnPairs, DrawnTriplets, TwoClasses
from firstsight.learn.sampling.views import Views
from firstsight.learn.similarities.base import TorchSimilarity
from firstsight.learn.similarities.fixed import RBF, Angular, Cosine, Dot, Euclidean, Manhattan, SquaredEuclidean
from firstsight.learn.similarities.pair_network import PairNetwork
from firstsight.learn.similarities.standardised import StandardisedEuclidean
from firstsight.learn.similarities.weighted import WeightedL1


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss and what it needs.

    Attributes:
        function: ``loss(score, same, weight, **settings) -> scalar``.
        domains: kinds of score it is defined on.
        rows: whether a row of scores must be one anchor's.
        apart: whether it tells what is different apart; what does not is smallest where everything is alike.
    """

    function: Callable[..., Tensor]
    domains: tuple[str, ...]
    rows: bool
    apart: bool = True


ENCODERS: dict[str, Callable[..., nn.Module]] = {
    "residual": Residual,
    "conv4": Conv4,
    "koch": Koch,
    "tanh_twin": TanhTwin,
    "onnx": onnx_file,
    "module": held_module,
    "efficientnet_lite0": efficientnet_lite0,
}

SIMILARITIES: dict[str, type[TorchSimilarity]] = {
    "cosine": Cosine,
    "dot": Dot,
    "angular": Angular,
    "euclidean": Euclidean,
    "squared_euclidean": SquaredEuclidean,
    "manhattan": Manhattan,
    "rbf": RBF,
    "weighted_l1": WeightedL1,
    "standardised_euclidean": StandardisedEuclidean,
    "pair_network": PairNetwork,
}

COMPARISONS: dict[
    str,
    type[InBatch]
    | type[SampledPairs]
    | type[SampledTriplets]
    | type[Proxies]
    | type[GivenPairs]
    | type[GivenTriplets]
    | type[PredictedViews],
] = {
    "in_batch": InBatch,
    "sampled_pairs": SampledPairs,
    "sampled_triplets": SampledTriplets,
    "proxies": Proxies,
    "given_pairs": GivenPairs,
    "given_triplets": GivenTriplets,
    "predicted_views": PredictedViews,
}

LOSSES: dict[str, Loss] = {
    "contrastive": Loss(contrastive, ("negated distance",), rows=False),
    "logistic_contrastive": Loss(logistic_contrastive, ("logit",), rows=False),
    "cross_entropy": Loss(cross_entropy, ("logit", "dot product"), rows=False),
    "triplet": Loss(
        triplet,
        ("negated distance", "negated squared distance", "cosine", "dot product", "kernel", "logit"),
        rows=True,
    ),
    "multi_similarity": Loss(multi_similarity, ("cosine",), rows=True),
    "normalised_softmax": Loss(normalised_softmax, ("cosine",), rows=True),
    "arcface": Loss(arcface, ("cosine",), rows=True),
    "supcon": Loss(supcon, ("cosine",), rows=True),
    "negative_cosine": Loss(negative_cosine, ("cosine",), rows=False, apart=False),
}

ALSO_KNOWN_AS = {
    "am_softmax": "normalised_softmax",
    "bce": "cross_entropy",
    "cosface": "normalised_softmax",
    "info_nce": "supcon",
    "ms_loss": "multi_similarity",
    "normface": "normalised_softmax",
    "nt_xent": "supcon",
    "simclr": "supcon",
    "simsiam": "negative_cosine",
}
"""Names that losses have elsewhere, for the guess in an error; the closest spelling would mislead."""

SAMPLERS: dict[str, type[Sampler]] = {
    "random": Random,
    "balanced": Balanced,
    "pk": PK,
    "hard_groups": HardGroups,
    "pairs": DrawnPairs,
    "triplets": DrawnTriplets,
    "two_classes": TwoClasses,
    "views": Views,
}

AUGMENTS: dict[str, Callable[..., Tensor]] = {"warp": augment, "affine": affine}

PROJECTIONS: dict[str, type[Straight] | type[Perceptron]] = {"none": Straight, "perceptron": Perceptron}

"""Koch's similarity: an L1 distance with a learned weight a dimension, read as a logit."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from firstsight.errors import UsageError
from firstsight.graphs import PairGraph
from firstsight.learn.bounds import Positive, Shortlist
from firstsight.learn.export.pair import signed_graph
from firstsight.learn.similarities.base import TorchSimilarity, distances
from firstsight.reranking import Reranked
from firstsight.similarity import Link, Similarity

_OWN = "similarity."


class WeightedL1(nn.Module):
    """``bias - scale * mean(weights * |left - right|)``: the logit of "same", whose weights and bias are learned.

    Source: Koch, Zemel, Salakhutdinov, 2015, "Siamese Neural Networks for One-shot Image Recognition". Deviations: the
    sign is turned, so that a positive weight is a distance; the mean instead of the sum, and weights that begin at 1,
    so that the logit begins near 0 whatever the number of dimensions.

    A weight above 0 folds into the embedding (``weight * |a - b| = |weight * a - weight * b|``), so that a model stores
    this as ``manhattan`` on scaled embeddings. A weight below 0 says that a *difference* makes two alike, which no
    distance says: a model with such weights stores the sum as a graph on pairs beside the encoder, and ``identify``
    finds a shortlist by ``manhattan`` and puts it in order by the graph.

    Args:
        dim: of the embeddings.
        scale: times the mean, so that the logit begins at its size; weights of one sum, as in the paper, have that of
            the dimensions times what they begin with.
        weights: ``folding`` takes them by their size, so that all fold; ``free`` leaves them their sign, as the paper.
        shortlist: how many of the nearest ``identify`` puts in order, where some weight does not fold.
    """

    domain: ClassVar[str] = "logit"
    normalise: ClassVar[bool] = False

    def __init__(
        self,
        dim: int,
        weights: Literal["folding", "free"] = "folding",
        *,
        scale: Positive = 1.0,
        shortlist: Shortlist = 50,
    ) -> None:
        super().__init__()
        self.scale, self.shortlist = scale, shortlist
        self.kind = weights
        self.weights = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(()))

    @property
    def runtime(self) -> Similarity | Reranked:
        """``manhattan``, negated, plus the bias; where some weight does not fold, that is for the shortlist."""
        nearest = Similarity("manhattan", Link("negate", bias=self.bias.item()))
        if not bool(self._against().any()):
            return nearest
        return Reranked(nearest, PairGraph(self.graph(), len(self.weights), "pair.onnx"), self.shortlist)

    def graph(self) -> bytes:
        """The score of two prepared embeddings as an ONNX graph."""
        return signed_graph(self._signs().numpy(), bias=self.bias.item())

    def state_for(self, kind: str) -> dict[str, Tensor]:
        """What one with ``weights=kind`` loads to be the same function.

        Raises:
            UsageError: it folds, and a weight here is below 0 and free.
        """
        if kind == "folding" and (below := int(self._against().sum())):
            raise UsageError(
                f"{below} of {len(self.weights)} weights of the model's similarity are below 0, and folding takes "
                "weights by their size; set similarity.weights=free"
            )
        state = self.state_dict()
        return state if self.kind == "free" else {**state, "weights": state["weights"].abs()}

    def prepare(self, embeddings: Tensor) -> Tensor:
        """Scale each dimension by its weight's size."""
        return embeddings * (self.weights.abs() * (self.scale / len(self.weights)))

    def cross(self, left: Tensor, right: Tensor) -> Tensor:
        """``(a, b)``; a dimension in which both are equal has a gradient of 0."""
        against = self._against()
        total = distances(left, right, 1.0)
        if bool(against.any()):
            total = total - 2 * distances(left[:, against], right[:, against], 1.0)
        return self.bias - total

    def aligned(self, left: Tensor, right: Tensor) -> Tensor:
        """``(b,)``; as ``cross``."""
        return self.bias - (self._signs() * (left - right).abs()).sum(-1)

    def _against(self) -> Tensor:
        """Which dimensions ``(d,)`` make two alike by differing."""
        return (self.weights < 0) & (self.kind == "free")

    def _signs(self) -> Tensor:
        """-1 for those, 1 for the others ``(d,)``."""
        return torch.where(self._against(), -1.0, 1.0)


def sized(part: type[TorchSimilarity], dim: int, settings: Mapping[str, Any]) -> TorchSimilarity:
    """A similarity of the catalogue for embeddings of ``dim`` numbers, which those that learn want to know."""
    known = {"dim": dim} if "dim" in inspect.signature(part).parameters else {}
    return part(**known, **settings)


class Learned(nn.Module):
    """What training learns and a model keeps: an encoder, and how its embeddings are compared where that has weights.

    Args:
        encoder: the network.
        similarity: with weights of its own if it is a module.
    """

    encoder: nn.Module
    similarity: TorchSimilarity

    def __init__(self, encoder: nn.Module, similarity: TorchSimilarity) -> None:
        super().__init__()
        self.encoder = encoder
        self.similarity = similarity

    def weights(self) -> dict[str, Tensor]:
        """By name; the encoder's as it names them, the similarity's after ``similarity.``."""
        own = self.similarity.state_dict(prefix=_OWN) if isinstance(self.similarity, nn.Module) else {}
        return {**self.encoder.state_dict(), **own}

    def take(self, weights: Mapping[str, Tensor]) -> None:
        """Load what :meth:`weights` gave.

        Raises:
            RuntimeError: they are of another shape, or some are missing or left over.
        """
        own = {name.removeprefix(_OWN): w for name, w in weights.items() if name.startswith(_OWN)}
        self.encoder.load_state_dict({name: w for name, w in weights.items() if not name.startswith(_OWN)})
        if isinstance(self.similarity, nn.Module):
            self.similarity.load_state_dict(own)

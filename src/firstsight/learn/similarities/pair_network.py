"""A network on pairs: what it scores is no measure of distance, so it re-ranks what one has found."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from firstsight.graphs import PairGraph
from firstsight.learn.bounds import Count, Positive, Shortlist
from firstsight.learn.export.pair import pair_graph
from firstsight.learn.similarities.base import unit
from firstsight.reranking import Reranked
from firstsight.similarity import Similarity


class PairNetwork(nn.Module):
    """``scale * cosine + bias + network(|left - right|, left * right)``: the logit of "same".

    Layers on the pair, as verification networks have them (Ahmed, Jones and Marks, 2015, doi:10.1109/CVPR.2015.7299016;
    difference and product: Reimers and Gurevych, 2019, arXiv:1908.10084), behind a straight path for the cosine, which
    is the mean of the product. Both features are the same when the sides are exchanged, and so is the score. The last
    layer begins at 0: training begins with the cosine's order.

    A model stores it as a graph of its own beside the encoder. ``compare`` and ``verify`` go by its score; ``identify``
    finds a shortlist by the cosine and puts that in order by the network.

    Args:
        dim: of the embeddings.
        hidden: units of its layer.
        shortlist: how many of the nearest ``identify`` puts in order.
        scale: of the cosine, to begin with.
    """

    domain: ClassVar[str] = "logit"
    nearest: ClassVar[str] = "cosine"
    """Kind of the scores by which a shortlist is found; comparison ``proxies`` teaches these."""
    normalise: ClassVar[bool] = True

    def __init__(self, dim: int, *, hidden: Count = 64, shortlist: Shortlist = 50, scale: Positive = 16.0) -> None:
        super().__init__()
        self.shortlist = shortlist
        self.first = nn.Linear(2 * dim, hidden)
        self.last = nn.Linear(hidden, 1, bias=False)
        self.scale = nn.Parameter(torch.tensor(scale))
        self.bias = nn.Parameter(torch.tensor(-scale / 2))
        nn.init.zeros_(self.last.weight)

    @property
    def runtime(self) -> Reranked:
        """``dot`` for the shortlist, and the network as the very graph that is stored."""
        return Reranked(Similarity(), PairGraph(self.graph(), self.first.in_features // 2, "pair.onnx"), self.shortlist)

    def graph(self) -> bytes:
        """The network as an ONNX graph."""
        root = (self.first.in_features // 2) ** 0.5
        first = self.first.weight.detach()
        scaled = torch.cat([first[:, : first.shape[1] // 2] * root, first[:, first.shape[1] // 2 :] * root**2], 1)
        weights = (scaled, self.first.bias.detach(), self.last.weight.detach())
        return pair_graph(*(w.numpy() for w in weights), scale=self.scale.item(), bias=self.bias.item())

    def prepare(self, embeddings: Tensor) -> Tensor:
        """Normalise."""
        return unit(embeddings)

    def cross(self, left: Tensor, right: Tensor) -> Tensor:
        """``(a, b)``."""
        return self._scores(left[:, None], right[None])

    def aligned(self, left: Tensor, right: Tensor) -> Tensor:
        """``(b,)``."""
        return self._scores(left, right)

    def _scores(self, left: Tensor, right: Tensor) -> Tensor:
        root = left.shape[-1] ** 0.5  # of unit vectors every coordinate is about 1 / root
        product = left * right
        hidden = self.first(torch.cat([(left - right).abs() * root, product * root**2], -1))
        learned: Tensor = self.last(torch.relu(hidden)).squeeze(-1)
        return self.scale * product.sum(-1) + self.bias + learned

"""Learning without labels: SimCLR (Chen et al., 2020) and SimSiam (Chen and He, 2021), on glyphs."""

from __future__ import annotations

from firstsight.reproduce.record import Figure, Reproduction

_SIMCLR = (
    "Chen, Kornblith, Norouzi, Hinton: A simple framework for contrastive learning of visual representations. ICML "
    "2020, arXiv:2002.05709"
)
_SIMSIAM = "Chen, He: Exploring simple Siamese representation learning. CVPR 2021, arXiv:2011.10566"
_SMOKE = (
    "data.train=omniglot:validation",
    "encoder.width=4",
    "encoder.dim=8",
    "sampling.size=16",
    "optimiser.warmup=1",
    "training.steps=4",
    "training.checkpoint_every=2",
)
_FIGURES = (
    Figure("Lake's 20-way one-shot runs, no label seen", "omniglot-lake-20way", "accuracy"),
    Figure("the same, pixels", "omniglot-lake-20way", "pixels"),
    Figure("20-way one-shot within alphabets, no label seen", "omniglot-within-20way", "accuracy"),
    Figure("the same, pixels", "omniglot-within-20way", "pixels"),
)
_BESIDE = ("quick-lake-20way", "omniglot-lake-20way", "quick-within-20way", "omniglot-within-20way")
_DIFFERS = (
    "The paper learns from the photographs of ImageNet and is judged by a linear classifier on them; what is "
    "reproduced is the method, on Omniglot's background images. Its figures have no counterpart here.",
    "Views are warped drawings: turned, slanted, stretched and elastically bent, strokes thicker or thinner, instead "
    "of cropped, recoloured and blurred photographs.",
    "Quarter turns of an image count as other images.",
    "The encoder is a small residual network for 32 pixels, its updates are Muon's, and the moving average of its "
    "weights is what is judged.",
)

SELF_SUPERVISED: dict[str, Reproduction] = {
    "self-supervised-simclr": Reproduction(
        title="SimCLR on glyphs: two views of an image are the same, those of others are not; no label is seen",
        paper=_SIMCLR,
        recipe="simclr",
        smoke=_SMOKE,
        figures=_FIGURES,
        differs=_DIFFERS,
        beside=_BESIDE,
    ),
    "self-supervised-simsiam": Reproduction(
        title="SimSiam on glyphs: one view is predicted from another, nothing is told apart; no label is seen",
        paper=_SIMSIAM,
        recipe="simsiam",
        smoke=_SMOKE,
        figures=_FIGURES,
        differs=_DIFFERS,
        beside=_BESIDE,
    ),
    "self-supervised-collapse": Reproduction(
        title="SimSiam without its stopped gradient: the collapse, and its name",
        paper=_SIMSIAM,
        recipe="simsiam",
        changes=("comparison.stop_gradient=false",),
        smoke=_SMOKE,
        differs=("The paper shows it on ImageNet (figure 2); here training ends with a sentence that names it.",),
        collapses=True,
    ),
}

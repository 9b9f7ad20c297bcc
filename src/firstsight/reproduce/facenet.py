"""Schroff, Kalenichenko, Philbin, 2015: unit embeddings, squared distances, semi-hard triplets."""

from __future__ import annotations

from firstsight.reproduce.record import Figure, Reproduction

PAPER = (
    "Schroff, Kalenichenko, Philbin: FaceNet, a unified embedding for face recognition and clustering. CVPR "
    "2015, arXiv:1503.03832"
)
_SMOKE = (
    "encoder.width=4",
    "training.steps=6",
    "training.validate_every=6",
    "training.checkpoint_every=3",
    "training.validation_tasks=2",
    "sampling.classes=6",
)
_DIFFERS = (
    "The paper learns from 100 to 200 million photographs of faces, which nobody has published; what is reproduced "
    "is the method, on "
    "Omniglot. Its figures (99.63 % on LFW) have no counterpart here.",
    "Triplets are formed within a batch of 32 classes by 4 examples instead of 40 examples a class in batches of "
    "1,800; all semi-hard "
    "ones count, where the paper takes one a pair. Margin 0.2 and unit length as in the paper.",
)

FACENET: dict[str, Reproduction] = {
    "facenet": Reproduction(
        title="FaceNet's triplets on glyphs: unit embeddings, squared distance, semi-hard negatives",
        paper=PAPER,
        recipe="facenet",
        smoke=("encoder.dim=8", "data.train=omniglot:validation", "data.validation=", *_SMOKE),
        figures=(
            Figure("Lake's 20-way one-shot runs", "omniglot-lake-20way", "accuracy"),
            Figure("20-way one-shot within alphabets", "omniglot-within-20way", "accuracy"),
        ),
        differs=_DIFFERS,
    ),
    "facenet-sphere": Reproduction(
        title="The same in three dimensions, drawn on the sphere",
        paper=PAPER,
        recipe="facenet",
        changes=(
            "encoder.dim=3",
            "encoder.width=32",
            "input.name=image",
            "input.size=32",
            "input.channels=1",
            "input.light=true",
            "data.train=mnist5k",
            "data.validation=",
            "sampling.classes=10",
            "sampling.each=12",
            "training.turns=1",
            "training.steps=2000",
        ),
        smoke=_SMOKE,
        figures=(Figure("digits of the test set, one reference each", "sphere", "accuracy"),),
        differs=(
            "Three numbers instead of 128, to see what the loss does: classes become patches of a sphere.",
            "The ten digits of the sphere are those it learned from, in unseen images: a picture, not a one-shot "
            "figure.",
        ),
    ),
}

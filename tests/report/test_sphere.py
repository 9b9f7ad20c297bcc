"""Points on the sphere, from either side."""

import numpy as np
import pytest

from firstsight.report.plots.sphere import on_sphere


def test_every_point_is_drawn_once_within_the_disc():
    """Both halves together show all points, none outside the unit disc, whatever their length was."""
    points = np.random.default_rng(0).normal(size=(200, 3)) * 7
    made = on_sphere(points, [str(i % 4) for i in range(200)])
    drawn = np.concatenate([np.asarray(one.get_offsets()) for axes in made.axes for one in axes.collections])
    assert len(drawn) == 200
    assert (np.linalg.norm(drawn, axis=1) <= 1 + 1e-9).all()


def test_the_first_class_is_in_front():
    """The first disc looks at the middle of the first class, which lands in its middle."""
    points = np.array([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]])
    front, behind = on_sphere(points, ["a", "b"]).axes
    for axes, expected in ((front, [1, 0]), (behind, [0, 1])):
        assert [len(one.get_offsets()) for one in axes.collections] == expected
    found = next(one for one in front.collections if len(one.get_offsets()))
    assert np.asarray(found.get_offsets())[0] == pytest.approx([0.0, 0.0])

"""Whether a training has led anywhere."""

import math

import pytest
import torch

from cnn_course.data import ImageSet
from cnn_course.history import History
from cnn_course.verdict import failure, guessing


def labelled(*counts):
    """A set with so many images of each class."""
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    images = torch.zeros(len(labels), 1, 1, 1, dtype=torch.uint8)
    return ImageSet("some", images, labels, tuple(map(str, range(len(counts)))))


def ends(train_loss, loss, accuracy):
    return History([9.0, train_loss], [9.0, loss], [0.0, accuracy], [1.0, 1.0])


def test_guessing_knows_the_frequencies_and_no_image():
    guess = guessing(labelled(75, 25), labelled(6, 4))
    assert guess.accuracy == 0.6
    assert guess.loss == pytest.approx(-0.6 * math.log(0.75) - 0.4 * math.log(0.25))
    assert guessing(labelled(50, 50), labelled(5, 5)).loss == pytest.approx(math.log(2))
    assert math.isfinite(guessing(labelled(10, 0), labelled(5, 5)).loss)


TEN, TWO = (labelled(*[350] * 10), labelled(*[50] * 10)), (labelled(900, 900), labelled(100, 100))
RARE, FEW = (labelled(950, 50), labelled(190, 10)), (labelled(30, 30), labelled(3, 3))


@pytest.mark.parametrize(
    ("sets", "train_loss", "loss", "accuracy", "fails"),
    [
        (TEN, 2.303, 2.303, 0.10, True),  # it says the same of every image
        (TEN, 2.302, 2.301, 0.126, True),  # within two standard errors of 0.0134
        (TEN, 2.25, 2.26, 0.13, False),
        (TEN, 0.02, 0.09, 0.98, False),
        (TEN, 0.02, 6.0, 0.11, True),  # learned by heart
        (TEN, 2.29, 2.31, 0.05, True),
        (TWO, 0.70, 0.70, 0.56, True),
        (TWO, 0.69, 0.69, 0.58, False),
        (TWO, 0.30, 0.40, 0.82, False),
        (RARE, 0.20, 0.20, 0.95, True),  # always the frequent class
        (RARE, 0.05, 0.10, 0.96, False),  # no better answers, and much better probabilities
        (RARE, 0.02, 0.05, 0.99, False),
        (FEW, 0.69, 0.69, 0.5, True),
        (FEW, 0.01, 0.75, 0.5, False),  # too few to tell what it makes of other images
        (FEW, 0.01, 0.01, 1.0, False),
    ],
)
def test_a_run_of_a_hundred_steps_has_to_beat_guessing(sets, train_loss, loss, accuracy, fails):
    text = failure(ends(train_loss, loss, accuracy), *sets, steps=100)
    assert bool(text) == fails
    if fails:
        assert f"of {len(sets[1])} validation images it has {accuracy:.1%} right" in text
        assert ("it has learned its training images alone" in text) == (train_loss < 0.1)
        assert "; " in text
    assert failure(ends(train_loss, loss, accuracy), *sets, steps=99) is None


@pytest.mark.parametrize("sets", [TEN, TWO, RARE, FEW, (labelled(9), labelled(1))])
def test_an_exploded_loss_fails_whatever_the_number_of_steps(sets):
    for steps in (1, 100):
        for train_loss, loss in ((4e28, 1.0), (1.0, 4e28)):
            text = failure(ends(train_loss, loss, 0.5), *sets, steps=steps)
            assert "the loss has exploded: it is 4e+28" in text
            assert "try a smaller learning rate" in text


def test_one_class_is_no_failure():
    assert failure(ends(0.0, 0.0, 1.0), labelled(90), labelled(10), steps=1000) is None

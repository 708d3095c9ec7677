"""Whether a training has led anywhere: against guessing, and with the error of a small sample."""

import math

from torch.nn import functional as F

from cnn_course.data import ImageSet
from cnn_course.history import History
from cnn_course.training import Evaluation

STEPS = 100  # a run of fewer steps may end at guessing: it had no time for more
EXPLODED = 100  # times the loss of answers at random
CLEAR = 0.95  # a loss below this share of the loss of guessing shows that something was learned
ENOUGH = 50  # validation images, with which a network that learned its own images can be judged


def guessing(train: ImageSet, validation: ImageSet) -> Evaluation:
    """Loss and accuracy on `validation` of whoever knows how frequent each class is in `train`.

    The accuracy is that of the best constant answer; a class that `train` has not counts as one
    image, so that the loss stays finite.
    """
    classes = len(train.classes)
    shares = train.labels.bincount(minlength=classes).clamp(min=1).double()
    shares /= shares.sum()
    loss = F.nll_loss(shares.log().expand(len(validation), -1), validation.labels).item()
    return Evaluation(loss, validation.labels.bincount().max().item() / len(validation))


def failure(history: History, train: ImageSet, validation: ImageSet, steps: int) -> str | None:
    """What went wrong in a run of so many steps, and what to try; None where nothing did.

    A loss has exploded at `EXPLODED` times that of answers at random. A run of `STEPS` steps or
    more has failed if its accuracy on `validation` is not above guessing's by two standard errors
    and its loss there is no clearly smaller either. One that has learned its training images is
    given the benefit of the doubt where `validation` has fewer than `ENOUGH`.
    """
    guess = guessing(train, validation)
    loss, accuracy = history.validation_loss[-1], history.validation_accuracy[-1]
    train_loss = history.train_loss[-1]
    random = math.log(max(len(train.classes), 2))
    if max(loss, train_loss) > EXPLODED * random:
        return (
            f"the loss has exploded: it is {max(loss, train_loss):.3g}, and that of answers at "
            f"random {random:.2f}; try a smaller learning rate"
        )
    error = math.sqrt(guess.accuracy * (1 - guess.accuracy) / len(validation))
    if steps < STEPS or accuracy > guess.accuracy + 2 * error or loss <= CLEAR * guess.loss:
        return None
    learned = train_loss < CLEAR * guessing(train, train).loss
    if learned and len(validation) < ENOUGH:
        return None
    remedy = "try a smaller or a larger learning rate, more epochs, or another seed"
    if learned:
        remedy = "it has learned its training images alone; give it more of them"
    return (
        f"the network is no better than guessing: of {len(validation):,} validation images it "
        f"has {accuracy:.1%} right, and one answer for all {guess.accuracy:.1%}; {remedy}"
    )

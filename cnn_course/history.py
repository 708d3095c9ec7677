"""What a training saw, epoch by epoch, and its picture."""

from dataclasses import dataclass, field


@dataclass
class History:
    """What `fit` saw, one entry an epoch in each list; without a validation set two stay empty."""

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def plot(self, axes=None):
        """Draw loss (left) and validation accuracy (right) against the epoch; give the two axes."""
        import matplotlib.pyplot as plt  # here: the command line, which draws nothing, does without

        if axes is None:
            _, axes = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
        epochs = range(1, len(self.train_loss) + 1)
        axes[0].plot(epochs, self.train_loss, "o-", markersize=3, label="training")
        if self.validation_loss:
            axes[0].plot(epochs, self.validation_loss, "s-", markersize=3, label="validation")
            percent = [100 * accuracy for accuracy in self.validation_accuracy]
            axes[1].plot(epochs, percent, "s-", markersize=3, color="C1")
        axes[0].set(xlabel="epoch", ylabel="loss", yscale="log")
        axes[1].set(xlabel="epoch", ylabel="validation accuracy (%)")
        axes[0].legend()
        return axes

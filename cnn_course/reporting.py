"""What the command line says of a training while it runs."""

import sys

from tqdm import tqdm

from cnn_course.console import say
from cnn_course.data import ImageSet
from cnn_course.history import History


class Progress:
    """A row an epoch, and on a terminal a bar with loss, accuracy, images a second, time left."""

    def __init__(self, images: ImageSet, epochs: int, batch_size: int, before: dict | None = None):
        self.images, self.epochs, self.batch_size, self.rows = len(images), epochs, batch_size, None
        self.history = History(**(before or {}))  # of a resumed run, until it has a step

    def __enter__(self):
        total = self.epochs * self.images
        self.bar = tqdm(total=total, unit=" images", disable=not sys.stderr.isatty(), leave=False)
        return self

    def __exit__(self, *error):
        self.bar.close()

    def __call__(self, step, steps, loss, history):
        self.history = history
        done = len(history.train_loss)
        if self.rows is None:
            self.rows = done  # of a resumed run: shown before
            self.bar.update(done * self.images)
        accuracy = history.validation_accuracy[-1] if history.validation_accuracy else None
        if done > self.rows:
            self.rows = done
            with tqdm.external_write_mode():
                say(
                    f"epoch {done:3}/{self.epochs}  loss {history.train_loss[-1]:.4f}  "
                    f"validation accuracy {accuracy:.2%}  {history.seconds[-1]:.1f} s"
                )
            return
        in_epoch = (step - done * (steps // self.epochs)) * self.batch_size
        self.bar.update(done * self.images + min(in_epoch, self.images) - self.bar.n)
        shown = {"loss": f"{loss:.3f}"}
        if accuracy is not None:
            shown["accuracy"] = f"{accuracy:.1%}"
        self.bar.set_postfix(shown, refresh=False)

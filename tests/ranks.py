"""What tests/test_distributed.py has trained, by one process or by two: torchrun runs this file.

Run: python -m torch.distributed.run --standalone --nproc-per-node 2 tests/ranks.py FOLDER

FOLDER/commands.json has command lines by name, which are run one after the other. What they give
as a list is for each rank its own.
"""

import io
import json
import os
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import torch
import torch.distributed as dist

from cnn_course import checkpoints, weight_files
from cnn_course.augmentation import Augment
from cnn_course.cli import main
from cnn_course.data import ImageSet, load
from cnn_course.distributed import Ranks
from cnn_course.models import LeNet5
from cnn_course.training import evaluate, fit

# Images and batch size: parts of one size, parts of two sizes, a last batch that no two can share.
GRADIENTS = {"even": (64, 32), "uneven": (107, 31), "three left": (67, 32)}
COUNTED = 107


def network(batch_norm=False):
    torch.manual_seed(Ranks("cpu").rank)  # which `fit` has to make up for
    return LeNet5(batch_norm=batch_norm)


def gradients(images: int, batch_size: int) -> dict[str, torch.Tensor]:
    """The gradients of every step of an epoch, as `fit` leaves them."""
    model, found = network(), {}

    def report(step, steps, loss, history):
        found.update({f"{step} {n}": p.grad.clone() for n, p in model.named_parameters()})

    digits = load("mnist-sample", "validation").subset(torch.arange(images))
    fit(model, digits, epochs=1, batch_size=batch_size, lr=0.01, report=report, device="cpu")
    return found


def seen() -> torch.Tensor:
    """The numbers of the images that this process was given in two epochs, in that order."""
    numbers = torch.arange(COUNTED, dtype=torch.uint8)
    images = ImageSet(
        "n", numbers.view(-1, 1, 1, 1).expand(-1, 1, 28, 28), numbers.long() % 10, "0123456789"
    )
    found = []

    def note(batch):
        found.append(batch[:, 0, 0, 0])
        return batch / 255

    fit(network(), images, epochs=2, batch_size=32, augment=note, device="cpu")
    return torch.cat(found)


def learned() -> tuple[LeNet5, float]:
    """A network with batch normalization that learned 1,001 digits, and its accuracy on others."""
    train, model = load("mnist-sample", "train"), network(batch_norm=True)
    augment = Augment(rotation=10, scale=0.1, shift=2)
    digits, others = train.subset(torch.arange(1001)), train.subset(torch.arange(1001, 3500))
    fit(model, digits, epochs=5, batch_size=50, augment=augment, average=0.9, device="cpu")
    return model, evaluate(model, others).accuracy


def refused() -> str:
    """What `fit` says where each rank has other images."""
    own = torch.arange(64) + 64 * Ranks("cpu").rank
    try:
        fit(network(), load("mnist-sample", "train").subset(own), epochs=1, device="cpu")
    except (ConnectionError, ValueError) as error:
        return str(error)
    return ""


def stop(text):
    """What is called in the place of `reporting.say`, as if somebody pressed Ctrl-C there."""
    raise KeyboardInterrupt


def measure(folder: Path) -> None:
    """Write FOLDER/<rank>.safetensors."""
    tensors, rank = {}, Ranks("cpu").rank
    for name, setting in GRADIENTS.items():
        tensors |= {f"{name} {key}": value for key, value in gradients(*setting).items()}
    tensors["seen"] = seen()
    model, accuracy = learned()
    tensors |= {f"learned {name}": value for name, value in model.state_dict().items()}
    weight_files.write(
        folder / f"{rank}.safetensors", tensors, {"accuracy": accuracy, "refused": refused()}
    )


def run_commands(folder: Path) -> None:
    """Write FOLDER/<rank>.json: status, output and errors of each command."""
    said, ranks = {}, Ranks("cpu")
    for name, arguments in json.loads((folder / "commands.json").read_text()).items():
        ranks.mean(0.0)  # waits for the other rank
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            status = main([a if isinstance(a, str) else a[ranks.rank] for a in arguments])
        said[name] = [status, out.getvalue(), err.getvalue()]
    (folder / f"{ranks.rank}.json").write_text(json.dumps(said))


def train_and_lose_a_rank() -> int:
    """The command line, in which rank 1 is killed after three epochs, as for want of memory."""
    save = checkpoints.TrainingState.save

    def save_and_die(self, history):
        save(self, history)
        if self.ranks.rank == 1 and len(history["train_loss"]) == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoints.TrainingState.save = save_and_die
    return main()


if __name__ == "__main__":
    if sys.argv[1] == "train":
        sys.exit(train_and_lose_a_rank())
    measure(Path(sys.argv[1]))
    run_commands(Path(sys.argv[1]))
    dist.destroy_process_group()  # as a careful script does, which `Ranks` must not mind

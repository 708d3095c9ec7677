"""A training by the command line, and the folder that it leaves."""

import json
import os
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from cnn_course.augmentation import Augment
from cnn_course.checkpoints import is_checkpoint
from cnn_course.console import say
from cnn_course.data import load
from cnn_course.distributed import Ranks
from cnn_course.history import History
from cnn_course.inspection import layer_table
from cnn_course.models.pretrained import build, find, save_model
from cnn_course.names import LARGEST
from cnn_course.reading import read_whole
from cnn_course.recipes import RECIPES
from cnn_course.reporting import Progress
from cnn_course.training import check_parts, count_steps, fit
from cnn_course.verdict import failure
from cnn_course.weight_files import read
from cnn_course.writing import write_whole

# Below so many multiply–accumulates a step, threads wait for each other longer than they save.
SMALL_STEP = 100e6


def train(
    model, data, epochs, batch_size, lr, flip, seed, device, out, resume, limit, start, download
):
    """A command of `cnn_course.commands`. Of several processes the first one prints and saves."""
    ranks = Ranks(device)
    device = ranks.device
    folder = RunFolder(out or Path("runs") / _default_name(model, data), model)
    with ranks.first_on_each_machine():
        if ranks.rank == 0:
            folder.check_free(resume)
        train_set, validation = _training_data(data, limit, seed, download)
    _, channels, side, _ = train_set.images.shape
    torch.manual_seed(seed)
    with ranks.together():
        network = build(model, channels, side, len(train_set.classes))
        if start is not None:
            _take_weights(network, start)

    options = {"lr": 0.05, "batch_size": 64} | RECIPES.get(model, {})
    asked = {"lr": lr, "batch_size": batch_size}
    options |= {name: value for name, value in asked.items() if value is not None}
    if flip or (flip is None and (model, data) == ("modern_cnn", "cifar10")):
        options["augment"] = replace(options.get("augment", Augment()), flip=True)
    macs = layer_table(network, (channels, side, side)).macs * options["batch_size"]
    if macs < SMALL_STEP and not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(1)
    options |= {"epochs": epochs, "seed": seed, "device": device, "checkpoint": folder.checkpoint}
    with ExitStack() as stack:
        with ranks.together():
            check_parts(options["batch_size"], ranks.count)
            if ranks.rank == 0:
                stack.enter_context(folder.claimed(resume))
                say(f"{train_set}; {model} on {device}, into {folder.path}")
                saved = folder.saved()
                before = saved.get("processes")
                _say_who_trains(ranks.count, before, options["batch_size"], options["lr"])
        if ranks.rank > 0:
            with suppress(FloatingPointError):  # which all of them raise, and the first one tells
                fit(network, train_set, validation, **options)
            return None
        progress = Progress(train_set, epochs, options["batch_size"], saved.get("history", {}))

        def report(*arguments):
            folder.check_held()  # before an epoch is saved
            progress(*arguments)

        try:
            with progress:
                history = fit(network, train_set, validation, report=report, **options)
            steps = epochs * count_steps(len(train_set), options["batch_size"])
            if failed := failure(history, train_set, validation, steps):
                raise FloatingPointError(f"{failed} (the learning rate was {options['lr']:g})")
            classes = list(train_set.classes)
            about = {"in_channels": channels, "input_size": side, "classes": classes}
            if not data.startswith("folder:"):
                about["data"] = data
            folder.save_history(history)
            save_model(folder.weights, network, model, about)
            folder.finish()
        except FloatingPointError as error:
            folder.save_history(progress.history, failure=str(error))
            raise FloatingPointError(
                f"{error}; no weights are saved, and {folder.history} shows how it went"
            ) from error
        except KeyboardInterrupt:
            if folder.checkpoint.exists() and not folder.weights.exists():
                raise KeyboardInterrupt("add --resume to go on after the last epoch") from None
            raise
    return f"saved {folder.weights}"


class RunFolder:
    """What a training leaves: weights and history.json. Until then, a checkpoint to go on from."""

    def __init__(self, path: Path, model: str):
        self.path = path
        self.weights = path / f"{model}.safetensors"
        self.history = path / "history.json"
        self.checkpoint = path / "checkpoint" / "state.safetensors"
        self.held = None  # the folder, open and locked

    def check_free(self, resume: bool) -> None:
        """ValueError where a training would lose what the folder holds."""
        path = self.path
        if path.is_symlink() and not path.exists():
            raise ValueError(f"--out {path} is a link that leads nowhere; give a folder")
        if path.exists() and not path.is_dir():
            raise ValueError(f"--out {path} is a file; give a folder")
        if path.exists() and any(p.suffix == ".safetensors" for p in path.iterdir()):
            raise ValueError(f"{path} holds a finished run; give another --out")
        if self.checkpoint.parent.exists() and not self.checkpoint.parent.is_dir():
            raise ValueError(f"{self.checkpoint.parent} is a file; give another --out")
        history = self._history()
        if "failure" in history:
            if resume:
                raise ValueError(
                    f"{path} holds a run that failed, which has nothing to go on from; leave out "
                    "--resume to train there afresh, or give another --out"
                )
        elif self.history.exists() and not (history and self.checkpoint.exists()):
            raise ValueError(f"{self.history} is of something else; give another --out")
        elif self.checkpoint.exists() and not resume:
            raise ValueError(f"{path} holds an unfinished run; add --resume, or give another --out")

    @contextmanager
    def claimed(self, resume: bool):
        """The folder, for this process alone, and made where it is missing.

        Whatever stays empty goes again. Raises ValueError as `check_free` does, and where another
        training is at work there.
        """
        missing = [p for p in self.checkpoint.parents if not p.exists()]
        try:
            for folder in reversed(missing):
                folder.mkdir(exist_ok=True)
            self.held = _locked(self.path)
        except OSError:  # and no ValueError: where another training is at work, all is its own
            _take_away(missing)
            raise
        try:
            self.check_free(resume)  # again: much may have happened since
            tempfile.TemporaryFile(dir=self.checkpoint.parent).close()  # else an epoch is lost
            if "failure" in self._history():
                say(f"{self.path} holds a run that failed, whose place this one takes")
                self.checkpoint.unlink(missing_ok=True)  # first, since this may fail
                self.history.unlink()
            yield
        finally:
            _take_away(missing)
            if self.held is not None:
                os.close(self.held)

    def check_held(self) -> None:
        """OSError where the folder at its place is another one, whose files are not ours."""
        if not _is_at(self.held, self.path):
            raise OSError(
                f"{self.path} was moved or removed while a training saved into it; what was saved "
                "is where it was moved to: go on from there with --resume"
            )

    def saved(self) -> dict:
        """What the checkpoint says of the training so far; {} where there is none."""
        about = read(self.checkpoint)[1] if self.checkpoint.exists() else None
        return about if is_checkpoint(about) else {}

    def save_history(self, history: History, **more) -> None:
        self.check_held()
        write_whole(self.history, json.dumps(more | vars(history), indent=1) + "\n")

    def finish(self) -> None:
        """The weights are safe: the checkpoint goes, with its folder if that holds nothing else."""
        self.check_held()
        self.checkpoint.unlink()
        with suppress(OSError):
            self.checkpoint.parent.rmdir()

    def _history(self) -> dict:
        """What `save_history` wrote, and {} where the file is missing or of something else."""
        try:
            found = json.loads(read_whole(self.history))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) and set(vars(History())) <= set(found) else {}


def _take_away(folders: list[Path]) -> None:
    """As far as they are empty, the innermost first."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _locked(folder: Path) -> int | None:
    """The folder, open and for this process alone until it ends, however that may be.

    Raises ValueError where another training has it.
    """
    if sys.platform == "win32":  # which cannot lock a folder
        return None
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    taken = False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        taken = True
    except OSError:  # of a file system without locks
        pass
    if taken or not _is_at(handle, folder):  # another one ended, and took it away
        os.close(handle)
        raise ValueError(
            f"another training is at work in {folder}; wait for its end, or give another --out"
        )
    return handle


def _is_at(handle: int | None, folder: Path) -> bool:
    """Whether an open folder is still at its place."""
    try:
        return handle is None or os.path.samestat(os.fstat(handle), os.stat(folder))
    except OSError:
        return False


def _default_name(model: str, data: str) -> str:
    """Of the folder of a run; the end of a path that is too long for a name."""
    name = data.replace(":", "-").replace("\\", "-").strip("/").replace("/", "-")
    return f"{model}-{name[-50:]}"


def _training_data(data: str, limit: int | None, seed: int, download: bool):
    """The images to train on, and those for validation."""
    train_set = load(data, "train", largest=LARGEST, download=download)
    if limit is not None:
        order = torch.randperm(len(train_set), generator=torch.Generator().manual_seed(seed))
        train_set = train_set.subset(order[:limit].sort().values)
    return train_set, load(data, "validation", largest=LARGEST, download=download)


def _say_who_trains(count: int, before: int | None, batch_size: int, lr: float) -> None:
    """What several processes do in a step, and what changes where there were more or fewer."""
    if count > 1:
        least, more = divmod(batch_size, count)
        each = f"{least} or {least + 1}" if more else f"{least}"
        say(
            f"{count} processes share each step of {batch_size} images, {each} each; "
            f"the peak learning rate is {lr:g}, as for one process"
        )
    if before not in (None, count):
        say(
            f"processes: {before} up to here, and now {count}; steps and learning rates stay the "
            "same, while random draws and batch normalization go another way from here on"
        )


def _take_weights(network: nn.Module, start: str) -> None:
    """Start from trained weights; the last layer stays fresh where the classes are others."""
    state = find(start)[0].state_dict()
    own = network.state_dict()
    last = list(own)[-2:]  # weight and bias of the last layer
    for name in last:
        if name in state and state[name].shape != own[name].shape:
            state[name] = own[name]
    try:
        network.load_state_dict(state)
    except RuntimeError:
        raise ValueError(
            f"--from {start} is another network, or for images of another size or number of "
            "channels; give one of the same kind"
        ) from None

"""The folder of a training by the command line."""

import json
from contextlib import contextmanager, suppress
from pathlib import Path

from cnn_course.checkpoints import is_checkpoint, read
from cnn_course.console import say
from cnn_course.history import History
from cnn_course.writing import write_whole


class RunFolder:
    """What a training leaves: weights and history.json. Until then, a checkpoint to go on from."""

    def __init__(self, path: Path, model: str):
        self.path = path
        self.weights = path / f"{model}.safetensors"
        self.history = path / "history.json"
        self.checkpoint = path / "checkpoint" / "state.safetensors"

    def check_free(self, resume: bool) -> None:
        """ValueError where a training would lose what the folder holds."""
        path = self.path
        if path.is_symlink() and not path.exists():
            raise ValueError(f"--out {path} is a link that leads nowhere; give a folder")
        if path.exists() and not path.is_dir():
            raise ValueError(f"--out {path} is a file; give a folder")
        if list(path.glob("*.safetensors")):
            raise ValueError(f"{path} holds a finished run; give another --out")
        if self._failure():
            if resume:
                raise ValueError(
                    f"{path} holds a run that failed, which has nothing to go on from; leave out "
                    "--resume to train there afresh, or give another --out"
                )
        elif self.checkpoint.exists():
            if not resume:
                raise ValueError(
                    f"{path} holds an unfinished run; add --resume, or give another --out"
                )
        elif self.history.exists():
            raise ValueError(f"{self.history} is of something else; give another --out")

    @contextmanager
    def claimed(self):
        """The folder, made where it is missing; whatever stays empty goes again."""
        if self._failure():
            say(f"{self.path} holds a run that failed, whose place this one takes")
            self.checkpoint.unlink(missing_ok=True)  # first, since this may fail
            self.history.unlink()
        missing = [p for p in self.checkpoint.parents if not p.exists()]
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield
        finally:
            with suppress(OSError):  # not empty
                for folder in missing:
                    folder.rmdir()

    def processes(self) -> int | None:
        """How many trained what the checkpoint holds, or None where there is none or no word."""
        about = read(self.checkpoint)[1] if self.checkpoint.exists() else None
        return about.get("processes") if is_checkpoint(about) else None

    def save_history(self, history: History, **more) -> None:
        write_whole(self.history, json.dumps(more | vars(history), indent=1) + "\n")

    def finish(self) -> None:
        """The weights are safe: the checkpoint goes, with its folder if that holds nothing else."""
        self.checkpoint.unlink()
        with suppress(OSError):
            self.checkpoint.parent.rmdir()

    def _failure(self) -> bool:
        """Whether the history is of a run that failed: ours, and no other file of that name."""
        if not self.history.is_file():
            return False
        try:
            found = json.loads(self.history.read_bytes())
        except (OSError, ValueError, RecursionError):
            return False
        return isinstance(found, dict) and {"failure", *vars(History())} <= set(found)

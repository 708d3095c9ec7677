"""All that a training goes on from, in a file."""

import hashlib
import json
import math
from pathlib import Path

import torch
from torch import Tensor

from cnn_course.history import History
from cnn_course.weight_files import contents, parse, write


class TrainingState:
    """All that the next epoch of `fit` depends on, kept in the file `path`, or nowhere if None.

    Of several `ranks` (`cnn_course.distributed.Ranks`) the first alone reads and writes the file,
    and gives the others what it has read.
    """

    def __init__(self, model, averaged, optimizer, settings: dict, path: Path | str | None, ranks):
        self.model, self.averaged, self.optimizer = model, averaged, optimizer
        self.settings, self.ranks = settings, ranks
        self.path = None if path is None else Path(path)

    def save(self, history: dict) -> None:
        if self.path is None or self.ranks.rank > 0:
            return
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"averaged.{k}": v for k, v in self.averaged.state_dict().items()}
        # By the parameter's number: the order of the states is another after a resumption.
        for i, state in self.optimizer.state_dict()["state"].items():
            if state.get("momentum_buffer") is not None:
                tensors[f"momentum.{i}"] = state["momentum_buffer"]
        tensors["random"] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        about = {"settings": self.settings, "history": history, "processes": self.ranks.count}
        write(self.path, tensors, about | {"sha256": _sha256(tensors, about)})

    def restore(self, validated: bool) -> dict:
        """The history so far, of a run with a validation set if `validated`; {} at the start."""
        if self.path is None:
            return {}
        with self.ranks.together():
            first = self.ranks.rank == 0  # the others may be on machines without that folder
            if first and not self.path.parent.is_dir():  # else an epoch's work would be lost
                raise FileNotFoundError(
                    f"there is no folder {self.path.parent}; make it, or give another checkpoint"
                )
            data = contents(self.path) if first and self.path.exists() else None
        data = self.ranks.share(data)
        if data is None:
            return {}
        with self.ranks.together():
            return self._resume(data, validated)

    def _resume(self, data: bytes, validated: bool) -> dict:
        tensors, about = parse(self.path, data)
        if not (is_checkpoint(about) and "random" in tensors):
            raise ValueError(f"{self.path} is no checkpoint of a training; give another folder")
        # One of an earlier release has no checksum.
        if about.get("sha256") not in (None, _sha256(tensors, about)):
            raise ValueError(
                f"{self.path} is damaged: it holds other values than were saved; give another "
                "folder"
            )
        for name, value in self.settings.items():
            if about["settings"].get(name) != value:
                raise ValueError(
                    f"{self.path} was trained with {name}={about['settings'].get(name)!r}, and "
                    f"now {name}={value!r} is asked for; give the same, or another folder"
                )
        if validated != bool(about["history"]["validation_loss"]):
            raise ValueError(
                f"{self.path} was trained with{'out' * validated} a validation set; do the same, "
                "or give another folder"
            )
        try:
            self._take(tensors)
        except (RuntimeError, IndexError, TypeError, ValueError) as error:
            raise ValueError(f"{self.path} is of another model; give another folder") from error
        return about["history"]

    def _take(self, tensors: dict[str, Tensor]) -> None:
        def part(prefix):
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        self.model.load_state_dict(part("model."))
        self.averaged.load_state_dict(part("averaged."))
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        for i, buffer in part("momentum.").items():
            p = parameters[int(i)]
            # In the parameter's own memory layout, as the optimizer would have made it.
            self.optimizer.state[p]["momentum_buffer"] = torch.empty_like(p).copy_(buffer)
        torch.set_rng_state(tensors["random"])
        if "random.cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random.cuda"])


def is_checkpoint(about) -> bool:
    """Whether a file's header has the parts of a checkpoint, which anybody may have changed."""
    if not (isinstance(about, dict) and isinstance(about.get("settings"), dict)):
        return False
    if not all(isinstance(value, str | int | float | None) for value in about["settings"].values()):
        return False
    history, processes = about.get("history"), about.get("processes", 1)
    if not (isinstance(history, dict) and set(history) == set(vars(History()))):
        return False
    lists = list(history.values())
    if not all(isinstance(values, list) for values in lists):
        return False
    if {len(values) for values in lists} - {0, len(history["train_loss"])}:
        return False
    numbers = [number for values in lists for number in values]
    finite = all(type(number) is float and math.isfinite(number) for number in numbers)
    return finite and type(processes) is int and processes > 0


def _sha256(tensors: dict[str, Tensor], about: dict) -> str:
    """Of all that a checkpoint holds, whatever the order."""
    said = [about[name] for name in ("settings", "history")] + [about.get("processes")]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for name in sorted(tensors):
        values = tensors[name].detach().cpu().contiguous().reshape(-1)
        digest.update(name.encode() + values.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

"""Weights and checkpoints: safetensors, with JSON in the header, written whole or not at all."""

import json
import os
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor


@contextmanager
def replacing(path: Path):
    """A file beside `path` to write to, which takes its place if all goes well, and else goes.

    A link stays, and what it leads to is replaced. Raises ValueError where `path` is no plain file,
    and OSError, which names it, where it cannot be written.
    """
    try:
        place = Path(os.path.realpath(path))
        if place.exists() and not place.is_file():
            raise ValueError(f"{path} is a folder or a device; give a file")
        unfinished = place.with_name(f".{place.name[:50]}.unfinished")  # no longer than a name
        try:
            yield unfinished
            os.replace(unfinished, place)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise OSError(
            f"{path} could not be written ({error.strerror or error}); what was saved is kept; "
            "make room there, or give another place"
        ) from error


def write(path: Path, tensors: dict[str, Tensor], about: dict) -> None:
    """Write `tensors`, with `about` as JSON in the file's header, in the place of `path`.

    The file is finished beside its place and then moved there in one step, so that whoever stops
    the program, or a disk that is full, leaves the old file or the new one and never half of one.
    """
    # safetensors wants plain layouts, and a tensor that shares its memory with no other.
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    data = save(plain, metadata={"about": json.dumps(about)})
    with replacing(path) as unfinished, open(unfinished, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> tuple[dict[str, Tensor], dict]:
    """What `write` wrote. Raises FileNotFoundError, or ValueError for a file that is damaged."""
    return _parse(path, _contents(path))


def _contents(path: Path) -> bytes:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; give another")
    return path.read_bytes()  # not every name of a file can be told to safetensors


def _parse(path: Path, data: bytes) -> tuple[dict[str, Tensor], dict]:
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return tensors, json.loads(header["__metadata__"]["about"])
    except (SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged or was not written by this course ({error}); give another"
        ) from error


class TrainingState:
    """All that the next epoch of `fit` depends on, kept in the file `path`, or nowhere if None.

    Of several `ranks` (`cnn_course.distributed.Ranks`) the first alone reads and writes the file,
    and gives the others what it has read.
    """

    def __init__(self, model, averaged, optimizer, settings: dict, path: Path | None, ranks):
        self.model, self.averaged, self.optimizer = model, averaged, optimizer
        self.settings, self.path, self.ranks = settings, path, ranks

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
        write(self.path, tensors, about)

    def restore(self) -> dict:
        if self.path is None:
            return {}
        mine = self.ranks.rank == 0 and self.path.exists()
        data = self.ranks.share(_contents(self.path) if mine else None)
        if data is None:
            return {}
        tensors, about = _parse(self.path, data)
        if not {"settings", "history"} <= set(about) or "random" not in tensors:
            raise ValueError(f"{self.path} is no checkpoint of a training; give another folder")
        for name, value in self.settings.items():
            if about["settings"].get(name) != value:
                raise ValueError(
                    f"{self.path} was trained with {name}={about['settings'].get(name)!r}, and "
                    f"now {name}={value!r} is asked for; give the same, or another folder"
                )

        def part(prefix):
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        try:
            self.model.load_state_dict(part("model."))
            self.averaged.load_state_dict(part("averaged."))
        except RuntimeError as error:
            raise ValueError(f"{self.path} is of another model; give another folder") from error
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        for i, buffer in part("momentum.").items():
            p = parameters[int(i)]
            # In the parameter's own memory layout, as the optimizer would have made it.
            self.optimizer.state[p]["momentum_buffer"] = torch.empty_like(p).copy_(buffer)
        torch.set_rng_state(tensors["random"])
        if "random.cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random.cuda"])
        return about["history"]

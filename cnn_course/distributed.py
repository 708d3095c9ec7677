"""Several processes that train one network together, as `torchrun` starts them.

Each of them, a *rank*, holds the whole network and all the images. It takes its part of every
batch, and PyTorch's DistributedDataParallel averages the gradients, so that all ranks take the same
step. A process that was started without torchrun is the only rank, and nothing in here does
anything for it.
"""

import atexit
import inspect
import json
import os
import random
import re
from contextlib import contextmanager
from textwrap import shorten

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from cnn_course.devices import choose_device

# The option by which no step copies the buffers of rank 0: older releases call it otherwise.
OPTIONS = inspect.signature(DistributedDataParallel).parameters
SYNC = "forward_sync_buffers" if "forward_sync_buffers" in OPTIONS else "broadcast_buffers"


class Ranks:
    """The processes of a training: how many (`count`), which one this is (`rank`), its `device`.

    Ranks count from 0, on one machine or on several; `local_rank` counts those of this machine.
    They talk by gloo about tensors on the CPU, and by nccl about those on CUDA, where the GPU of a
    rank is the one with its local number. Every rank has to make the same calls in the same order.

    Raises ValueError for a device that cannot compute here, or that several ranks cannot share, or
    variables that torchrun would not set, and ConnectionError where the others are not to be
    reached.
    """

    def __init__(self, device: str | torch.device | None = None):
        self.rank, self.count, self.local_rank = 0, 1, 0
        if dist.is_available() and dist.is_torchelastic_launched():
            self.rank, self.count, self.local_rank = _numbers()
        if self.count == 1:
            self.device = choose_device(device)
            return
        self.device = _own_device(device, self.local_rank)
        if not dist.is_initialized():
            _meet("gloo" if self.device.type == "cpu" else "cpu:gloo,cuda:nccl")

    def wrap(self, model: nn.Module) -> nn.Module:
        """What to call in the place of `model`, so that `backward` averages over the ranks."""
        # Each rank's batch normalizations keep statistics of their own within an epoch, for nothing
        # is computed from them before its end: see `average_statistics`.
        return model if self.count == 1 else DistributedDataParallel(model, **{SYNC: False})

    def order(self, images: int, seed: int, epoch: int) -> Tensor:
        """The order of an epoch, drawn by rank 0 for all: a permutation of the indices (images,).

        Every other rank begins a stream of random numbers of its own, so that no two ranks change
        their images alike, and a resumed training draws what an undisturbed one would.
        """
        order = torch.randperm(images)
        if self.count > 1:
            dist.broadcast(order, 0)
        if self.rank:
            torch.manual_seed(random.Random(f"{seed} {epoch} {self.rank}").getrandbits(64))
        return order

    def part(self, batch: Tensor) -> tuple[Tensor, float]:
        """This rank's part of `batch` (N,), and the factor that its mean loss has to have.

        DistributedDataParallel weighs all ranks alike. Where 65 images are parts of 33 and 32, a
        factor of count · part / batch makes the mean over the ranks the mean over the images. A
        part has two images or more, for batch normalization cannot learn from one. Where a batch
        is too small for that, a rank that gets none repeats another's part with the factor 0, since
        every rank has to be there in every step.
        """
        parts = batch.tensor_split(min(self.count, max(len(batch) // 2, 1)))
        own = parts[self.rank % len(parts)]
        return own, self.count * len(own) / max(len(batch), 1) * (self.rank < len(parts))

    def mean(self, value: float) -> float:
        """The mean of what the ranks have, the same for all."""
        if self.count == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(total)
        return total.item() / self.count

    @torch.no_grad()
    def average_statistics(self, *models: nn.Module) -> None:
        """Give all ranks the mean of their buffers, which are the running statistics."""
        if self.count == 1:
            return
        for model in models:
            for buffer in filter(torch.is_floating_point, model.buffers()):
                dist.all_reduce(buffer)
                buffer /= self.count

    def share(self, data: bytes | None) -> bytes | None:
        """What rank 0 has; what another has is ignored."""
        if self.count == 1:
            return data
        size = torch.tensor(-1 if data is None else len(data))
        dist.broadcast(size, 0)
        if size < 1:
            return None if size < 0 else b""
        given = torch.empty(int(size), dtype=torch.uint8)
        if self.rank == 0:
            given = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        dist.broadcast(given, 0)
        return given.numpy().tobytes()

    @contextmanager
    def together(self):
        """What one of the ranks cannot do, none goes on from: the first that fails says why.

        In here no rank waits for another. The first that fails raises its error, and all others
        raise ConnectionError: a ConnectionAbortedError where somebody on the same machine has said
        enough.
        """
        error = None
        try:
            yield
        except Exception as caught:
            error = caught
        failed = self._first(error is not None)
        if failed == self.rank:
            raise error
        if failed is not None:
            here = range(self.rank, self.rank + int(os.environ["LOCAL_WORLD_SIZE"]))
            told = self.local_rank > 0 or failed in here
            kind = ConnectionAbortedError if told else ConnectionError
            raise kind(f"rank {failed} cannot go on, and says why") from error

    def _first(self, fails: bool) -> int | None:
        """The first rank that fails, if one does."""
        first = torch.tensor(self.rank if fails else self.count)
        if self.count > 1:
            dist.all_reduce(first, dist.ReduceOp.MIN)
        return int(first) if first < self.count else None

    @contextmanager
    def first_on_each_machine(self):
        """Let one rank of each machine do it before the others, who find what it has downloaded."""
        for turn in (False, True):
            with self.together():
                if turn == bool(self.local_rank):
                    yield

    def check_same(self, settings: dict) -> None:
        """ValueError where a rank has other `settings`, which JSON can hold, than rank 0."""
        text = re.sub(r" at 0x[0-9a-f]+", "", json.dumps(settings))  # where a function lies
        theirs = json.loads(self.share(text.encode()))
        with self.together():
            for name, value in json.loads(text).items():
                if theirs[name] != value:
                    own, other = (
                        shorten(repr(v), 80, placeholder=" …") for v in (value, theirs[name])
                    )
                    raise ValueError(
                        f"rank {self.rank} was given {name}={own}, and rank 0 {name}={other}; "
                        "give all of them the same command and data"
                    )


def _numbers() -> list[int]:
    """RANK, WORLD_SIZE and LOCAL_RANK, as torchrun has set them."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    try:
        rank, count, local_rank = numbers = [int(os.environ[name]) for name in names]
    except (KeyError, ValueError):
        numbers = None
    if numbers is None or not 0 <= local_rank <= rank < count:
        found = ", ".join(f"{name}={os.environ.get(name, '')}" for name in names)
        raise ValueError(f"{found}: these are not torchrun's; start the processes with torchrun")
    return numbers


def _meet(backend: str) -> None:
    # Where a rank is gone, nccl writes down for a minute what it did, and the others wait for it.
    os.environ.setdefault("TORCH_NCCL_WAIT_TIMEOUT_DUMP_MILSEC", "1000")
    try:
        dist.init_process_group(backend)
    except (RuntimeError, ValueError) as error:  # ValueError: variables that torchrun would not set
        now = os.environ.get("GLOO_SOCKET_IFNAME", "not set")
        raise ConnectionError(
            "the other processes of this training cannot be reached; start all of them again, and "
            f"between machines name the network, as in GLOO_SOCKET_IFNAME=eth0 (now {now})"
        ) from error
    atexit.register(_leave)


def _leave() -> None:
    if dist.is_initialized():  # a script may have ended the group itself
        dist.destroy_process_group()


def _own_device(device: str | torch.device | None, local_rank: int) -> torch.device:
    gpus = torch.cuda.device_count()
    if local_rank < gpus:
        torch.cuda.set_device(local_rank)  # which "cuda" means from here on
    device = choose_device(device)
    if device.type == "cpu":
        return device
    if str(device) != "cuda":
        raise ValueError(
            f"device {str(device)!r}: several processes compute on 'cpu', or each on a GPU of its "
            "own, which is 'cuda'"
        )
    if local_rank >= gpus:
        raise ValueError(
            f"process {local_rank + 1} of this machine has no GPU of its own, for there are only "
            f"{gpus}; start fewer with --nproc-per-node, or give the device 'cpu'"
        )
    return device

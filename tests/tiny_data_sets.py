"""MNIST and CIFAR-10 in the layout of their files, with a few random images."""

import hashlib
import pickle
import struct
import urllib.request

import numpy as np
from torchvision.datasets import CIFAR10


def write_mnist(root, images, labels):
    """The four files of MNIST: `images` (N, 28, 28) and `labels` (N,) for both of its splits."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in "train", "t10k":
        header = struct.pack(">4i", 0x803, *images.shape)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = struct.pack(">2i", 0x801, len(labels))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(header + labels.tobytes())


def no_network(*arguments, **options):
    raise urllib.request.URLError("there is no network")


def fake_digits(count):
    pixels = np.random.RandomState(0).randint(256, size=(count, 28, 28)).astype(np.uint8)
    return pixels, (np.arange(count) % 10).astype(np.uint8)


def write_cifar10(root, monkeypatch, per_batch=100):
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    pixels = np.random.RandomState(0).randint(256, size=(6, per_batch, 3072)).astype(np.uint8)
    contents = {
        f"data_batch_{i}": {"data": pixels[i], "labels": [n % 10 for n in range(per_batch)]}
        for i in range(1, 6)
    }
    contents["test_batch"] = {"data": pixels[0], "labels": [n % 10 for n in range(per_batch)]}
    contents["batches.meta"] = {"label_names": [f"class {n}" for n in range(10)]}
    sums = {}
    for name, content in contents.items():
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        sums[name] = hashlib.md5(data).hexdigest()
    monkeypatch.setattr(CIFAR10, "train_list", [[n, sums[n]] for n in sums if n[0] == "d"])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": sums["batches.meta"]})
    return pixels

"""Seeded damage to files: to their bytes, to what is written in them, and to their places."""

import json
import os
import stat
from pathlib import Path

import numpy as np

NUMBERS = (0, 1, 127, 255, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**64 - 1)
VALUES = (
    None, True, 0, -1, 1.5, 1024, 2**31, 2**63, 10**400, 1e308, float("nan"), "", "\udce9\n\x1b",
    [], {}, [1], ["a", "a"], {"a": 1}, [[]] * 9, "mnist", "mlp",
)  # fmt: skip
WORDS = (
    "train", "evaluate", "predict", "export", "summary", "mlp", "lenet5", "deep-cnn",
    "digits.safetensors", "pets", "finished", "unfinished", "digit.png", "nothing", ".",
    "/dev/null", "~", "~nobody/x", "", " ", "-", "--", "--data", "--data=folder:pets",
    "folder:pets", "folder:", "folder:~nobody", "mnist", "cifar10", "mnist-sample", "--epochs",
    "--epochs=1", "--batch-size", "--lr", "--flip", "--no-flip", "--seed", "--device", "cpu",
    "meta", "cuda:7", "--out", "out", "a.onnx", "--out=a.onnx", "--resume", "--limit", "--from",
    "--from=finished", "--split", "validation", "--json", "--raw", "--input-shape", "1,28,28",
    "3,65536,65536", "--download", "--help", "--version", "1", "0", "-1", "1e-400", "nan",
    "1e40", "1_0", "9" * 5000, "%s%(prog)s{0}", "a\nb", "\x1b[31m", "\udcff", "é" * 200,
    "a/" * 3000, "💥",
)  # fmt: skip


class Damage:
    """Random changes, from the seed `case`; `done` lists them."""

    def __init__(self, case: int):
        self.random, self.done = np.random.default_rng(case), []

    def one(self, things):
        return list(things)[self.random.integers(len(things))]

    def file(self, path: Path, but: str = "") -> None:
        """Put something else in the place of a file, or change its bytes or its structure."""
        kinds = ["gone", "folder", "loop", "pipe", "empty", "huge"]
        kind = self.one([*kinds, *["structure"] * 6, *["bytes"] * 9])
        kind = "empty" if kind == but else kind
        self.done.append(f"{path.name}: {kind}")
        data = path.read_bytes()
        if kind in ("gone", "folder", "loop", "pipe"):
            path.unlink()
        if kind == "folder":
            path.mkdir()
        elif kind == "loop":
            path.symlink_to(path.name)
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "empty":
            path.write_bytes(b"")
        elif kind == "huge":  # more than there is memory, and no space on the disk
            path.write_bytes(data[: self.random.integers(len(data) + 1)])
            os.truncate(path, 2**36)
        elif kind == "structure" and path.suffix == ".safetensors":
            path.write_bytes(self.header(data))
        elif kind == "structure" and path.suffix == ".json":
            path.write_bytes(self.json(data))
        elif kind in ("structure", "bytes"):
            path.write_bytes(self.bytes(data))

    def bytes(self, data: bytes) -> bytes:
        """Cut, extend, flip, swap, repeat, and put huge numbers where lengths may stand."""
        data = bytearray(data)
        for _ in range(self.random.integers(1, 4)):
            kind = self.one(("cut", "extend", "flip", "swap", "repeat", "number", "text", "noise"))
            self.done.append(kind)
            # Most of what matters stands at the beginning.
            end = len(data) if self.random.random() < 0.5 else min(len(data), 300)
            i, j = sorted(self.random.integers(end + 1, size=2).tolist())
            if kind == "cut":
                del data[i:]
            elif kind == "extend":
                data += self.random.bytes(j)
            elif kind == "flip" and i < len(data):
                data[i] ^= 1 << self.one(range(8))
            elif kind == "swap":
                data[i:j], data[:i] = data[:i], data[i:j]
            elif kind == "repeat":
                data[i:i] = data[i:j]
            elif kind == "number":
                size, order = self.one((1, 2, 4, 8)), self.one(("little", "big"))
                number = self.one(NUMBERS) % 256**size
                data[i : i + size] = number.to_bytes(size, order)
            elif kind == "text":
                data[i:j] = self.one(
                    (b"\xff\xfe", b"\0", b"NaN", b"[" * 5000, b"%!PS\n", b'"', b"{")
                )
            elif kind == "noise":
                data[i:j] = self.random.bytes(j - i)
        return bytes(data)

    def json(self, data: bytes) -> bytes:
        """Change a value or a key somewhere within, or let a key stand twice."""
        whole = json.loads(data)
        place = whole
        while True:
            key = self.one(place if isinstance(place, dict) else range(len(place)))
            below = place[key]
            if not (isinstance(below, dict | list) and below) or self.random.random() < 0.3:
                break
            place = below
        kind = self.one(("value", "value", "value", "gone", "more", "twice"))
        self.done.append(f"{kind} at {key!r}")
        if kind == "gone":
            del place[key]
        elif kind == "more" and isinstance(place, dict):
            place["more"] = below
        elif kind == "value":
            place[key] = self.one(VALUES)
        text = json.dumps(whole)
        if kind == "twice":
            text = text[:-1] + "," + json.dumps(whole)[1:]
        return text.encode()

    def header(self, data: bytes) -> bytes:
        """The JSON of a safetensors file, or what the course keeps in it; or a weight is NaN."""
        size = int.from_bytes(data[:8], "little")
        header, values = data[8 : 8 + size], bytearray(data[8 + size :])
        kind = self.one(("header", "about", "about", "about", "nan", "dtype", "length"))
        self.done.append(kind)
        if kind == "nan":
            i = 4 * self.one(range(len(values) // 4))
            values[i : i + 4] = self.one((b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\xff\xff\x7f\x7f"))
        elif kind == "dtype":
            header = header.replace(
                b'"F32"', self.one((b'"I32"', b'"U32"', b'"F64"', b'"I8"', b'"C64"'))
            )
        elif kind == "header":
            header = self.json(header)
        elif kind == "about":
            whole = json.loads(header)
            about = json.loads(whole["__metadata__"]["about"])
            if self.random.random() < 0.7:  # without it, what else is changed is looked at
                about.pop("sha256", None)
            about = self.json(json.dumps(about).encode())
            header = json.dumps(whole | {"__metadata__": {"about": about.decode()}}).encode()
        number = self.one(NUMBERS) if kind == "length" else len(header)
        return number.to_bytes(8, "little") + header + values


def contents(folder):
    """All that is in a folder: sizes and bytes of files, targets of links, the kind of all else."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        found[path] = os.readlink(path) if stat.S_ISLNK(mode) else stat.S_IFMT(mode)
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                found[path] = path.stat().st_size, file.read(10**7)  # a huge file is empty beyond
    return found


def files(folder):
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]

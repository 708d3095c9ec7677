"""What fits a phone: the sizes, the accuracy and the latency of an MLP, LeNet-5 and ModernCNN.

LeNet-5 and ModernCNN are those that come with the course; the MLP, as large as ModernCNN, is
trained here, at the rate that benchmarks/cifar10_search.py found for it. Each is measured with
float32 weights, with 8-bit weights that are turned back into floats (`cnn_course.quantization`),
and computed in integers throughout by onnxruntime. That needs images, without their labels, to set
the scales of what goes from layer to layer: 500 of CIFAR-10's training images, and for LeNet-5,
whose own training digits are not at hand, 500 of those that it is tested on.
Latency is that of one image on one thread.
Run on a quiet machine, from the project's root: python benchmarks/phone.py FOLDER (some ten
minutes), where FOLDER/train/<class>/ holds CIFAR-10's training images.
"""

import copy
import logging
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from cifar10_search import best_rate
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from peers import wide_mlp
from photos import RECIPE, cifar10, said
from recording import record
from torch import nn

from cnn_course import weight_files
from cnn_course.data import SPLITS, ImageSet, load
from cnn_course.exporting import to_onnx
from cnn_course.inspection import layer_table
from cnn_course.models import load_pretrained
from cnn_course.quantization import from_int8, to_int8
from cnn_course.training import evaluate, fit

SEED, FIT = 0, RECIPE | {"epochs": 20}
WARM_UP, ROUNDS, PERCENTILES = 200, 2000, (5, 50, 95)
CALIBRATION = 500  # images, by which onnxruntime sets the scales of the activations


class Images(CalibrationDataReader):
    """Images as onnxruntime asks for them, one after the other."""

    def __init__(self, images: ImageSet):
        self.batches = iter(images.images.float().div(255).split(1))

    def get_next(self) -> dict | None:
        batch = next(self.batches, None)
        return None if batch is None else {"images": batch.numpy()}


def session(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def milliseconds(file: Path, images: ImageSet) -> dict[str, float]:
    """How long one image takes, by percentile."""
    network, times = session(file), []
    pictures = images.images[:100].float().div(255).split(1)
    for n in range(WARM_UP + ROUNDS):
        given = {"images": pictures[n % len(pictures)].numpy()}
        start = time.perf_counter()
        network.run(None, given)
        times.append(1000 * (time.perf_counter() - start))
    found = np.percentile(times[WARM_UP:], PERCENTILES)
    return dict(zip(map(str, PERCENTILES), found.tolist(), strict=True))


def in_onnxruntime(file: Path, images: ImageSet) -> dict:
    network, right = session(file), 0
    for x, labels in zip(images.images.split(500), images.labels.split(500), strict=True):
        (logits,) = network.run(None, {"images": x.float().div(255).numpy()})
        right += (torch.from_numpy(logits).argmax(1) == labels).sum().item()
    return {
        "accuracy": right / len(images),
        "bytes": file.stat().st_size,
        "milliseconds": milliseconds(file, images),
    }


def measured(model: nn.Module, scales: ImageSet, held_out: ImageSet, folder: Path) -> dict:
    """What is recorded of a network, on images that it has not learned from.

    Images of `scales` set the scales of the activations.
    """
    shape = tuple(held_out.images.shape[1:])
    table = layer_table(model, shape)
    about = {"model": "any", "in_channels": shape[0], "input_size": shape[1]}
    about |= {"classes": list(held_out.classes)}  # as `save_model` has it
    small = copy.deepcopy(model)
    small.load_state_dict(from_int8(to_int8(model.state_dict())))
    forms = {}
    for form, network in (("float32", model), ("int8 weights", small)):
        file = folder / "weights.safetensors"
        state = model.state_dict()
        weight_files.write(file, to_int8(state) if network is small else state, about)
        accuracy = evaluate(network, held_out, device="cpu").accuracy
        forms[form] = {"accuracy": accuracy, "bytes": file.stat().st_size}

    floats, prepared, integers = (folder / f"{name}.onnx" for name in ("floats", "prep", "int8"))
    to_onnx(model, shape, floats)
    quant_pre_process(floats, prepared)
    every = len(scales) // CALIBRATION
    some = scales.subset(torch.arange(0, len(scales), every)[:CALIBRATION])
    quantize_static(
        prepared, integers, Images(some), quant_format=QuantFormat.QDQ, per_channel=True
    )
    forms["float32, onnxruntime"] = in_onnxruntime(floats, held_out)
    forms["int8 throughout, onnxruntime"] = in_onnxruntime(integers, held_out)
    return {
        "tested_on": held_out.name,
        "parameters": table.parameters,
        "macs": table.macs,
        "forms": forms,
    }


def main(folder: str):
    torch.set_num_threads(1)
    logging.getLogger().setLevel(logging.ERROR)  # onnxruntime's advice
    photos = cifar10(folder)
    parts = [load("mnist-sample", split) for split in SPLITS]  # all new to the shipped LeNet-5
    digits = ImageSet(
        "all of mnist-sample",
        torch.cat([part.images for part in parts]),
        torch.cat([part.labels for part in parts]),
        parts[0].classes,
    )

    def run(network: str) -> dict:
        runs, lr, sets = [], None, tuple(photos.values())
        if network == "LeNet-5":
            model, sets = load_pretrained("lenet5"), (digits, digits)
        elif network == "ModernCNN":
            model = load_pretrained("modern_cnn")
        else:
            torch.manual_seed(SEED)
            model, lr = wide_mlp(), best_rate("MLP")
            history = fit(model, photos["train"], lr=lr, seed=SEED, device="cpu", **FIT)
            runs = [{"seed": SEED, "diverged": False, "history": asdict(history)}]
        with tempfile.TemporaryDirectory() as temporary:
            found = measured(model, *sets, Path(temporary))
        return found | {"lr": lr, "runs": runs}

    settings = {
        "latency": f"one image, one thread, {ROUNDS} times after {WARM_UP}",
        "percentiles": PERCENTILES,
        "calibration": CALIBRATION,
        "onnxruntime": onnxruntime.__version__,
        "epochs": FIT["epochs"],
        "recipe of the MLP": said(FIT),
    }
    rows = [{"network": name} for name in ("MLP", "LeNet-5", "ModernCNN")]
    record("phone", [*photos.values(), digits], settings, rows, run)


if __name__ == "__main__":
    main(sys.argv[1])

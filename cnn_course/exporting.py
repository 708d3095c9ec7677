"""Write a network as ONNX, for programs without PyTorch."""

import contextlib
import io
import os
import warnings
from pathlib import Path

import torch
from torch import nn

from cnn_course.devices import on_device
from cnn_course.models.arguments import forward
from cnn_course.writing import replacing


def to_onnx(model: nn.Module, input_shape: tuple[int, int, int], path: Path) -> None:
    """Write `model`, for images (N, *input_shape) with any N, and check the file with onnxruntime.

    The file appears at `path` only when onnxruntime has given the same logits, to 1e-4. The model
    ends in evaluation mode. Raises ImportError where the packages are missing, ValueError where
    they fail, the logits differ or are not finite, or the model does not take such images, and
    OSError where the file cannot be written.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}; make it, or give another file")
    # Else it reports to its maker, and leaves files in the user's folders. Empty is not set.
    os.environ["ORT_DISABLE_TELEMETRY"] = os.environ.get("ORT_DISABLE_TELEMETRY") or "1"
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  torch.onnx.export needs it
    except ImportError as error:
        raise ImportError(
            f"writing ONNX needs {error.name}; install it: pip install onnx onnxscript onnxruntime"
        ) from error
    model.eval()
    images = torch.rand(3, *input_shape, generator=torch.Generator().manual_seed(0))
    with on_device(model, torch.device("cpu")), replacing(path) as unfinished:
        with torch.no_grad():
            expected = forward(model, images)
        if not expected.isfinite().all():
            raise ValueError(
                "the network gives numbers that are not finite, and nothing was written: its "
                "training failed, or it is damaged; give another"
            )
        try:
            _export(model, images, unfinished)
            # By its content, since not every name of a file can be told to onnxruntime.
            content = unfinished.read_bytes()
            session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
            several, one = (session.run(None, {"images": images[:n].numpy()})[0] for n in (3, 1))
        except (OSError, MemoryError):
            raise
        except Exception as error:  # of a dozen classes, most often of releases that do not fit
            raise ValueError(
                f"the network cannot be written as ONNX with these packages "
                f"({_first_cause(error)}); update them: "
                f"pip install --upgrade torch torchvision onnx onnxscript onnxruntime"
            ) from error
        for found in map(torch.from_numpy, (several, one)):
            wanted = expected[: len(found)]
            if not torch.allclose(found, wanted, rtol=1e-4, atol=1e-4):
                gap = (found - wanted).abs().max().item()
                raise ValueError(
                    f"onnxruntime's logits differ from PyTorch's by up to {gap:.2g}, and nothing "
                    f"was written; use the network from PyTorch, or update onnxruntime"
                )


def _export(model: nn.Module, images: torch.Tensor, file: Path) -> None:
    # The exporter talks at length, to stdout, stderr and as warnings.
    quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with quiet[0], quiet[1], warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (images,),
            file,
            dynamo=True,
            external_data=False,
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("N")},),
        )


def _first_cause(error: Exception) -> str:
    """What began it, in a line: the exporter's own words are pages."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error).strip().split("\n")[0].removesuffix(".")
    return f"{type(error).__name__}: {text[:150]}"

"""What the checks share about networks: their size, and how many images they classify correctly.

The reader's model is left as it was: its modes, its buffers, and the state of torch's generator.
"""

import torch
from torch import Tensor, nn

from cnn_course.checks.answers import attempt, kind
from cnn_course.data import load
from cnn_course.inspection.passes import a_weight, as_found


def network(answer, most: int, data: str = "mnist-sample") -> str | None:
    """Whether it is a model with at most so many parameters that takes digits and gives logits."""
    if not isinstance(answer, nn.Module):
        return f"A trained model is asked for; {kind(answer)}."
    parameters = sum(p.numel() for p in answer.parameters())
    if parameters > most:
        return f"It has {parameters:,} parameters; {most:,} are allowed."
    return _logits(answer, load(data, "validation").images[:2])[1]


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, str | None]:
    """The fraction of `images`, bytes (N, C, H, W), that it classifies correctly, or why none."""
    logits, problem = _logits(model, images)
    if problem:
        return 0.0, problem
    if logits.isnan().any():
        return 0.0, "Its logits are not numbers (nan): train it anew, with a smaller learning rate."
    return (logits.argmax(1) == labels).float().mean().item(), None


def reads_digits(answer: nn.Module, percent: int, data: str = "mnist-sample") -> str | None:
    """Whether the model classifies so many per cent of the validation digits correctly."""
    digits = load(data, "validation")
    right, problem = accuracy(answer, digits.images, digits.labels)
    if problem:
        return problem
    return f"{shortfall(right, percent)} {advice(right)}" if right < percent / 100 else None


def shortfall(right: float, percent: int) -> str:
    found = f"{100 * right:.1f} % of the validation digits are right"
    return f"{found}; at least {percent} % are asked for."


def advice(right: float) -> str:
    """What to try with a network that classifies this fraction of the digits correctly."""
    if right < 0.15:
        return "That is guessing: was it trained, and does its loss fall?"
    return "Where the network is right for it, more epochs or another lr for `fit` may be enough."


def _logits(model: nn.Module, images: Tensor) -> tuple[Tensor | None, str | None]:
    """Logits of bytes (N, C, H, W), on the CPU, or what keeps the model from giving them."""
    shape = ", ".join(map(str, images.shape[1:]))
    contract = f"A network gets floats in [0, 1] of shape (N, {shape}) and gives logits (N, 10)."
    like = a_weight(model)
    parts = []
    with as_found(model), torch.no_grad():
        for batch in images.split(500):
            x = batch.to(like.device).float() / 255
            part, problem = attempt(model, f"{contract} Given that, yours", x.to(like.dtype))
            if problem:
                return None, problem
            if not isinstance(part, Tensor):
                return None, f"{contract} Yours gives a {type(part).__name__} and no tensor."
            if part.shape != (len(x), 10):
                given = f"{tuple(part.shape)} for {tuple(x.shape)}"
                return None, f"{contract} Yours gives the shape {given}."
            parts.append(part.float().cpu())
    return torch.cat(parts), None

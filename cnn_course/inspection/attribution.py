"""What the maps of a network hold, and which parts of an image its answer hangs on.

Images are floats in [0, 1] of shape (N, C, H, W), and the model gives logits (N, classes). `target`
is the class that is asked about: one number, one for each image (N,), or by default the class that
the model predicts. The model may be on any device and in any mode; it works in evaluation mode and
is left as it was. What comes back lies where the images lie, and carries no gradient. Images,
layers, targets and models that do not fit raise ValueError.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnn_course.inspection.passes import as_found, name_of, pass_through, prepared
from cnn_course.models.arguments import at_least, choose, forward

AT_ONCE = 2**18  # pixels that `occlusion` gives to the network at once: 256 images of 32×32


def feature_maps(model: nn.Module, images: Tensor, layer: str | nn.Module) -> Tensor:
    """The maps (N, channels, h, w) that one layer of `model` gives for `images` (N, C, H, W).

    `layer` is the layer itself, or its name as `layer_table` and `named_modules` have it. It must
    be called once in a pass, and give maps.
    """
    name = name_of(layer, model)
    with as_found(model) as hook, torch.no_grad():
        maps, _ = pass_through(model, prepared(model, images), name, hook)
    return maps.to(images.device)


def saliency(model: nn.Module, images: Tensor, target: int | Tensor | None = None) -> Tensor:
    """How strongly the logit of `target` answers to each pixel of `images`: (N, H, W), ≥ 0.

    It is the size of the logit's gradient on the pixel, the largest of its channels (Simonyan et
    al. 2014), in logits for the step from black to white.
    """
    with as_found(model):
        x = prepared(model, images).requires_grad_()
        logits = _logits(forward(model, x.clone()))  # a copy: the first layer may work in place
        gradient = _gradient(logits, target, x, "pixels")  # (N, C, H, W)
    return gradient.abs().amax(1).to(images.device)


def grad_cam(
    model: nn.Module,
    images: Tensor,
    layer: str | nn.Module,
    target: int | Tensor | None = None,
    normalize: bool = True,
) -> Tensor:
    """Where the maps of `layer` speak for `target`: a heat map (N, H, W) for each of `images`.

    The layer's maps are added up, each weighted by the mean gradient of the target's logit on it;
    what is negative becomes 0, and the sum is interpolated to the size of the images (Selvaraju et
    al. 2017). It is then divided by its largest value, image by image: 1 where most speaks for the
    class, 0 where nothing does, and 0 everywhere if nothing does anywhere. `normalize=False` leaves
    this out, so that classes and images can be compared; before a global average and a linear
    layer, a value is what its position adds to the logit (Zhou et al. 2016).

    `layer` is given as for `feature_maps`; its maps must be larger than 1×1.
    """
    name = name_of(layer, model)
    with as_found(model) as hook:
        x = prepared(model, images).requires_grad_()
        maps, output = pass_through(model, x, name, hook)  # (N, channels, h, w)
        if maps.shape[2:] == (1, 1):
            raise ValueError(
                f"layer {name} gives maps of 1×1, which say nothing about where; give a layer "
                "before the pooling"
            )
        gradient = _gradient(_logits(output), target, maps, f"maps of layer {name}")
    weights = gradient.mean((2, 3), keepdim=True)  # (N, channels, 1, 1)
    heat = (weights * maps.detach()).sum(1, keepdim=True).relu()  # (N, 1, h, w)
    heat = F.interpolate(heat, images.shape[2:], mode="bilinear")[:, 0]  # (N, H, W)
    if normalize:
        largest = heat.amax((1, 2), keepdim=True)
        heat = heat / torch.where(largest > 0, largest, 1)
    return heat.to(images.device)


def occlusion(
    model: nn.Module,
    images: Tensor,
    side: int = 7,
    stride: int = 1,
    value: float | Tensor = 0.0,
    target: int | Tensor | None = None,
    of: str = "probability",
) -> Tensor:
    """What a square laid over each pixel takes from `target`: (N, ⌈H/stride⌉, ⌈W/stride⌉).

    The square of side×side pixels is centred at every `stride`-th row and column, ends at the
    border, and is filled with `value`: 0 for black, or a value for each channel (C,). What it takes
    is the probability of the class without it, less that with it, or the logit with `of="logit"`;
    negative where the square helps the class (Zeiler and Fergus 2014, with a grey one). The model
    looks at as many copies of each image as there are squares. For an even `side` the pixel is the
    one below and to the right of the middle.
    """
    score = choose("of", of, probability=lambda z: z.softmax(1), logit=lambda z: z)
    at_least(1, "occlusion", side=side, stride=stride)
    with as_found(model), torch.no_grad():
        x = prepared(model, images)
        count, channels, height, width = x.shape
        if side > min(height, width):
            raise ValueError(
                f"side={side}: give a square that fits into the images of {height}×{width}"
            )
        value = torch.as_tensor(value).to(x).reshape(-1, 1, 1)  # (1 or C, 1, 1)
        if len(value) not in (1, channels):
            raise ValueError(f"value has {len(value)} numbers; give one, or {channels}")
        batch = max(1, AT_ONCE // (height * width))
        whole = torch.cat([score(_logits(forward(model, part.clone()))) for part in x.split(batch)])
        classes = _classes(whole, target)
        centres = [torch.arange(0, length, stride) for length in (height, width)]
        squares = torch.cartesian_prod(torch.arange(count), *centres).to(x.device)
        left = []  # the score of the class under each square
        for n, i, j in (part.T for part in squares.split(batch)):  # each (B,)
            square = _near(i, side, height)[:, :, None] & _near(j, side, width)[:, None, :]
            covered = torch.where(square[:, None], value, x[n])  # (B, C, H, W)
            left.append(score(model(covered)).gather(1, classes[n, None]))
        left = torch.cat(left).view(count, *map(len, centres))
    return (whole.gather(1, classes[:, None])[:, :, None] - left).to(images.device)


def _near(centres: Tensor, side: int, length: int) -> Tensor:
    """For each of the centres (B,), the pixels of the axis that the square covers: (B, length)."""
    start = centres[:, None] - side // 2
    pixels = torch.arange(length, device=centres.device)
    return (start <= pixels) & (pixels < start + side)


def _logits(output) -> Tensor:
    """The model's output, if it is one row of logits for each image."""
    if not isinstance(output, Tensor) or output.dim() != 2:
        shape = tuple(getattr(output, "shape", ()))
        raise ValueError(f"the output has shape {shape}; give a model with logits (N, classes)")
    return output


def _classes(logits: Tensor, target: int | Tensor | None) -> Tensor:
    """The class (N,) that is asked about in each row of the logits (N, classes)."""
    if target is None:
        return logits.argmax(1)
    count, classes = logits.shape
    try:
        given = torch.as_tensor(target, device=logits.device).expand(count)
    except (TypeError, ValueError, RuntimeError):  # no number, or not as many as there are images
        what = f" of shape {tuple(target.shape)}" if isinstance(target, Tensor) else f"={target!r}"
        raise ValueError(
            f"target{what}: give the number of a class, or one for each of the {count} images"
        ) from None
    chosen = given.long()
    wrong = (chosen != given) | (chosen < 0) | (chosen >= classes)
    if wrong.any():
        raise ValueError(f"target={given[wrong][0]}: the model has classes 0 to {classes - 1}")
    return chosen


def _gradient(logits: Tensor, target: int | Tensor | None, at: Tensor, what: str) -> Tensor:
    """The gradient of each image's logit of `target` on `at`, in the shape of `at`."""
    chosen = logits.gather(1, _classes(logits, target)[:, None])
    gradient = None
    if chosen.requires_grad and at.requires_grad:
        (gradient,) = torch.autograd.grad(chosen.sum(), at, allow_unused=True)
    if gradient is None:
        raise ValueError(f"the logits have no gradient on the {what}: it is cut off in the model")
    return gradient

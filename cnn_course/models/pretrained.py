"""Networks by name, and networks in files: weights that know what they are for."""

from pathlib import Path

from torch import nn

from cnn_course import checkpoints
from cnn_course.models.basic import MLP, DeepCNN, FlattenCNN, GlobalPoolCNN, at_least
from cnn_course.models.lenet5 import LeNet5
from cnn_course.names import check_model

WEIGHTS = Path(__file__).parents[1] / "weights"


def _global_pool_cnn(in_channels: int, input_size: int, num_classes: int) -> GlobalPoolCNN:
    """Global pooling takes images of any size, so it is told none, that leave a map to pool."""
    at_least(4, "GlobalPoolCNN", input_size=input_size)  # halved twice
    return GlobalPoolCNN(in_channels=in_channels, num_classes=num_classes)


CONSTRUCTORS = {
    "mlp": MLP,
    "flatten-cnn": FlattenCNN,
    "global-pool-cnn": _global_pool_cnn,
    "deep-cnn": DeepCNN,
    "lenet5": LeNet5,
    "lenet5-1998": LeNet5.published,
}


def build(name: str, in_channels: int = 1, input_size: int = 28, num_classes: int = 10):
    """A fresh network of this name for images (N, in_channels, input_size, input_size).

    Raises ValueError, with the names there are, for any other, and for a size, a number of channels
    or of classes that does not fit.
    """
    constructor = CONSTRUCTORS[check_model(name)]
    return constructor(in_channels=in_channels, input_size=input_size, num_classes=num_classes)


def save_model(path: Path, model: nn.Module, name: str, about: dict) -> None:
    """Write the weights of a network that `build` made.

    `about` holds in_channels, input_size and the classes' names, so that they travel along; the
    normalisation is among the weights.
    """
    checkpoints.write(path, model.state_dict(), {"model": name, **about})


def load_model(path: Path) -> tuple[nn.Module, dict]:
    """The network in a file of `save_model`, in evaluation mode, and what is known about it.

    Raises FileNotFoundError, or ValueError for a file that is damaged or of another kind.
    """
    tensors, about = checkpoints.read(path)
    try:
        model = build(
            about["model"], about["in_channels"], about["input_size"], len(about["classes"])
        )
        model.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} does not hold a model of this course ({error})") from error
    return model.eval(), about


def load_pretrained(name: str) -> nn.Module:
    """The network with the weights that come with the course: "lenet5", trained on MNIST."""
    known = sorted(path.stem for path in WEIGHTS.glob("*.safetensors"))
    if name not in known:
        raise ValueError(f"no weights come with the course for {name!r}, only for {known}")
    return load_model(WEIGHTS / f"{name}.safetensors")[0]

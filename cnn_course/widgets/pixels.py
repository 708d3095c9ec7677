"""Pixels that more than one figure shows, and the sliding sum on them for their still pictures."""

import numpy as np


def tower() -> np.ndarray:
    """A storey of a tower by the water, uint8 (64, 64, 3): a part of `china.jpg`, as it is."""
    from sklearn.datasets import load_sample_image

    return load_sample_image("china.jpg")[176:240, 272:336]


def sliding(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """(H, H) and (F, F) → (H − F + 1, H − F + 1), the weights' products added in their order."""
    side = len(x) - len(kernel) + 1
    parts = (w * x[u : u + side, v : v + side] for (u, v), w in np.ndenumerate(kernel))
    return sum(parts, np.zeros((side, side)))

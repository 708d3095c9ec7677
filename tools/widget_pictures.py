"""Make the pictures that the figure `classify_picture` brings along, of scikit-image's own.

Small JPEG files are part of the package because every machine must give the same page, to the
byte, and encoders differ. Run from the project's root to make them anew:
python tools/widget_pictures.py
"""

from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

FOLDER = Path(__file__).parents[1] / "cnn_course" / "widgets" / "pictures"
SHORTER_SIDE = 200  # pixels


def pictures() -> dict[str, Image.Image]:
    """Each as it is before it is packed."""
    silhouette = np.pad(data.horse(), ((36, 36), (0, 0)), constant_values=True)
    found = {
        "cat": data.chelsea(),
        "horse": 255 * silhouette.astype(np.uint8),
        "rocket": data.rocket(),
        "coffee": data.coffee(),
        "astronaut": data.astronaut(),
        "grass": data.grass()[:150, :150],
    }
    return {name: reduced(Image.fromarray(pixels)) for name, pixels in found.items()}


def reduced(image: Image.Image) -> Image.Image:
    scale = min(1, SHORTER_SIDE / min(image.size))
    size = [round(side * scale) for side in image.size]
    return image.resize(size, Image.Resampling.LANCZOS)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, image in pictures().items():
        image.save(FOLDER / f"{name}.jpg", quality=78, optimize=True)

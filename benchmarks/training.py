"""Time `fit` against the loop that most people would write, as ratios of images a second.

The same network, batch size, augmentation, optimizer and precision, on the same device. The other
loop takes its images one by one from a DataLoader, through torchvision's transforms, as its
documentation shows. Each round times both in turn; what is printed is the median of the ratios.
Run: OMP_NUM_THREADS=1 python benchmarks/training.py (about a minute).
"""

from functools import partial

import torch
from timing import ratio
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import InterpolationMode, v2

from cnn_course.augmentation import Augment
from cnn_course.data import ImageSet, load
from cnn_course.models import LeNet5
from cnn_course.training import fit

BATCH, LR, WARM_UP, ROUNDS = 128, 0.05, 1, 7
AUGMENT = Augment(rotation=10, scale=0.1, shift=2)
TRANSFORM = v2.Compose(
    [
        v2.RandomAffine(
            10,
            translate=(2 / 28, 2 / 28),
            scale=(0.9, 1.1),
            interpolation=InterpolationMode.BILINEAR,
        ),
        v2.ToDtype(torch.float32, scale=True),
    ]
)


class Transformed(Dataset):
    def __init__(self, images: ImageSet, transform):
        self.images, self.transform = images, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image, label = self.images[index]
        return self.transform(image), label


def usual_loop(images: ImageSet, transform) -> None:
    """One epoch."""
    model = LeNet5()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9, nesterov=True)
    loader = DataLoader(Transformed(images, transform), BATCH, shuffle=True, num_workers=0)
    model.train()
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
        loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def our_loop(images: ImageSet, augment, bf16=False) -> None:
    fit(
        LeNet5(),
        images,
        epochs=1,
        batch_size=BATCH,
        lr=LR,
        augment=augment,
        bf16=bf16,
        device="cpu",
    )


def main():
    images = load("mnist-sample", "train")
    print(f"images a second of `fit` over the usual loop's, {torch.get_num_threads()} thread(s)")
    plain = v2.ToDtype(torch.float32, scale=True)
    for name, transform, augment in [
        ("without augmentation", plain, None),
        ("with rotation, scale and shift", TRANSFORM, AUGMENT),
    ]:
        usual = partial(usual_loop, images, transform)
        speed = ratio(usual, partial(our_loop, images, augment), WARM_UP, ROUNDS)
        print(f"{name:32} {speed:.2f}")
    ours = partial(our_loop, images, AUGMENT)
    half = ratio(ours, partial(ours, bf16=True), WARM_UP, ROUNDS)
    print(f"`fit` in bfloat16 over `fit` in float32: {half:.2f}")


if __name__ == "__main__":
    main()

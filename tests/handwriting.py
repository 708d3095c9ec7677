"""Digits as people write them, and photographs of them: drawn by us, for the tests.

A digit is a few strokes through control points in a unit square, x to the right and y down; each
writer moves the points a little, slants the digit and makes it narrow or wide.
"""

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

# For each digit its forms, each a list of strokes. A stroke is a smooth curve through its points;
# a point that stands twice is a corner.
FORMS = {
    0: [
        [[(0.55, 0.0), (0.2, 0.12), (0.05, 0.5), (0.22, 0.9), (0.52, 1.0), (0.82, 0.85),
          (0.95, 0.45), (0.8, 0.1), (0.52, 0.0)]],
        [[(0.7, 0.06), (0.4, 0.0), (0.1, 0.25), (0.08, 0.65), (0.35, 1.0), (0.7, 0.92),
          (0.92, 0.55), (0.85, 0.2), (0.6, 0.02), (0.42, 0.04)]],
        [[(0.4, 0.02), (0.75, 0.02), (0.9, 0.4), (0.85, 0.8), (0.5, 1.0), (0.15, 0.8),
          (0.1, 0.4), (0.25, 0.1), (0.45, 0.0)]],
    ],
    1: [
        [[(0.5, 0.0), (0.5, 0.5), (0.5, 1.0)]],
        [[(0.2, 0.3), (0.4, 0.15), (0.55, 0.0), (0.55, 0.0), (0.55, 0.5), (0.53, 1.0)]],
        [[(0.62, 0.0), (0.55, 0.5), (0.42, 1.0)]],
        [[(0.3, 0.22), (0.5, 0.0), (0.5, 0.0), (0.5, 0.5), (0.5, 1.0)],
         [(0.28, 1.0), (0.5, 1.0), (0.74, 0.99)]],
    ],
    2: [
        [[(0.1, 0.25), (0.25, 0.03), (0.6, 0.0), (0.85, 0.2), (0.7, 0.5), (0.35, 0.8),
          (0.05, 1.0), (0.05, 1.0), (0.5, 0.98), (0.95, 0.97)]],
        [[(0.12, 0.2), (0.4, 0.0), (0.75, 0.1), (0.75, 0.4), (0.45, 0.75), (0.12, 0.95),
          (0.1, 0.85), (0.3, 0.82), (0.6, 0.98), (0.95, 0.92)]],
        [[(0.08, 0.12), (0.45, 0.0), (0.85, 0.12), (0.8, 0.4), (0.5, 0.7), (0.1, 0.98),
          (0.1, 0.98), (0.45, 0.93), (0.85, 1.0)]],
    ],
    3: [
        [[(0.12, 0.12), (0.45, 0.0), (0.8, 0.12), (0.75, 0.35), (0.42, 0.47), (0.42, 0.47),
          (0.8, 0.6), (0.85, 0.85), (0.5, 1.0), (0.08, 0.9)]],
        [[(0.1, 0.02), (0.5, 0.0), (0.85, 0.02), (0.85, 0.02), (0.6, 0.25), (0.42, 0.42),
          (0.42, 0.42), (0.75, 0.48), (0.9, 0.75), (0.55, 1.0), (0.08, 0.92)]],
        [[(0.15, 0.18), (0.5, 0.0), (0.85, 0.2), (0.65, 0.42), (0.48, 0.48), (0.7, 0.52),
          (0.92, 0.75), (0.6, 1.0), (0.2, 0.97), (0.05, 0.8)]],
    ],
    4: [
        [[(0.6, 0.0), (0.3, 0.35), (0.05, 0.68), (0.05, 0.68), (0.5, 0.68), (0.98, 0.66)],
         [(0.7, 0.35), (0.69, 0.65), (0.66, 1.0)]],
        [[(0.2, 0.0), (0.12, 0.3), (0.08, 0.52), (0.08, 0.52), (0.45, 0.55), (0.85, 0.5)],
         [(0.8, 0.02), (0.77, 0.5), (0.72, 1.0)]],
        [[(0.7, 1.0), (0.71, 0.5), (0.72, 0.0), (0.72, 0.0), (0.35, 0.38), (0.03, 0.72),
          (0.03, 0.72), (0.5, 0.71), (1.0, 0.7)]],
    ],
    5: [
        [[(0.85, 0.0), (0.5, 0.01), (0.2, 0.02), (0.2, 0.02), (0.17, 0.2), (0.13, 0.42),
          (0.13, 0.42), (0.5, 0.36), (0.87, 0.55), (0.8, 0.88), (0.45, 1.0), (0.08, 0.92)]],
        [[(0.25, 0.03), (0.22, 0.2), (0.2, 0.42), (0.2, 0.42), (0.6, 0.38), (0.85, 0.62),
          (0.7, 0.93), (0.35, 1.0), (0.08, 0.88)], [(0.24, 0.03), (0.55, 0.02), (0.9, 0.0)]],
        [[(0.92, 0.04), (0.6, 0.05), (0.3, 0.03), (0.3, 0.03), (0.24, 0.22), (0.18, 0.45),
          (0.45, 0.42), (0.78, 0.6), (0.72, 0.88), (0.4, 1.0), (0.06, 0.97)]],
    ],
    6: [
        [[(0.75, 0.02), (0.4, 0.2), (0.15, 0.55), (0.2, 0.9), (0.5, 1.0), (0.82, 0.88),
          (0.82, 0.64), (0.55, 0.52), (0.25, 0.62), (0.17, 0.75)]],
        [[(0.5, 0.0), (0.25, 0.3), (0.12, 0.7), (0.3, 0.97), (0.65, 0.98), (0.85, 0.75),
          (0.65, 0.55), (0.35, 0.6), (0.17, 0.8)]],
        [[(0.85, 0.1), (0.6, 0.0), (0.25, 0.25), (0.1, 0.65), (0.28, 0.98), (0.65, 0.96),
          (0.85, 0.72), (0.6, 0.52), (0.3, 0.58), (0.13, 0.72)]],
    ],
    7: [
        [[(0.05, 0.04), (0.5, 0.03), (0.92, 0.02), (0.92, 0.02), (0.65, 0.45), (0.42, 1.0)]],
        [[(0.05, 0.02), (0.5, 0.02), (0.95, 0.0), (0.95, 0.0), (0.65, 0.5), (0.4, 1.0)],
         [(0.3, 0.5), (0.55, 0.5), (0.85, 0.48)]],
        [[(0.08, 0.15), (0.12, 0.02), (0.12, 0.02), (0.5, 0.05), (0.9, 0.03), (0.9, 0.03),
          (0.72, 0.3), (0.6, 0.6), (0.55, 1.0)]],
    ],
    8: [
        [[(0.78, 0.12), (0.5, 0.0), (0.2, 0.15), (0.35, 0.4), (0.68, 0.58), (0.85, 0.82),
          (0.5, 1.0), (0.15, 0.83), (0.32, 0.58), (0.66, 0.4), (0.82, 0.18), (0.7, 0.06)]],
        [[(0.5, 0.46), (0.2, 0.28), (0.3, 0.04), (0.65, 0.02), (0.8, 0.25), (0.5, 0.46),
          (0.15, 0.7), (0.25, 0.97), (0.7, 0.98), (0.87, 0.72), (0.5, 0.46)]],
        [[(0.7, 0.1), (0.4, 0.0), (0.22, 0.2), (0.5, 0.45), (0.8, 0.7), (0.6, 0.98),
          (0.25, 0.92), (0.25, 0.65), (0.55, 0.42), (0.78, 0.2), (0.68, 0.08)]],
    ],
    9: [
        [[(0.82, 0.18), (0.5, 0.0), (0.18, 0.15), (0.18, 0.4), (0.5, 0.5), (0.8, 0.35),
          (0.84, 0.15), (0.84, 0.15), (0.8, 0.55), (0.72, 1.0)]],
        [[(0.78, 0.1), (0.45, 0.02), (0.15, 0.25), (0.35, 0.48), (0.7, 0.35), (0.82, 0.08),
          (0.82, 0.08), (0.75, 0.5), (0.5, 1.0)]],
        [[(0.75, 0.12), (0.4, 0.0), (0.15, 0.22), (0.35, 0.46), (0.72, 0.32), (0.78, 0.1),
          (0.8, 0.5), (0.75, 0.85), (0.5, 1.0), (0.2, 0.94)]],
    ],
}  # fmt: skip


def strokes(digit: int, random: np.random.RandomState) -> list[np.ndarray]:
    """A writer's `digit`: its strokes, each (N, 2) points x, y around 0, about 1 high."""
    form = FORMS[digit][random.randint(len(FORMS[digit]))]
    slant, width, angle = random.uniform(-0.1, 0.35), random.uniform(0.5, 0.8), random.normal(0, 4)
    turn = np.radians(angle)
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    shape = np.array([[width, 0], [-slant, 1]]) @ turned
    moved = {}

    def move(point):  # a point that stands twice is moved once
        if point not in moved:
            moved[point] = np.array(point) - 0.5 + random.normal(0, 0.02, 2)
        return moved[point]

    return [smooth(np.array([move(point) for point in stroke])) @ shape for stroke in form]


def smooth(points: np.ndarray, steps: int = 12) -> np.ndarray:
    """A Catmull-Rom curve through `points` (N, 2)."""
    p = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):
        if np.array_equal(b, c):
            continue
        # At a corner, the neighbour beyond it does not pull.
        a, d = (b if np.array_equal(a, b) else a), (c if np.array_equal(c, d) else d)
        cubic = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
        pieces.append((cubic + (3 * b - a - 3 * c + d) * t**3) / 2)
    return np.concatenate([*pieces, points[-1:]])


def draw(
    digit: int,
    random: np.random.RandomState,
    size: tuple[int, int],
    height: float,
    pen: float,
    centre: tuple[float, float] | None = None,
    turn: float = 0.0,
) -> Image.Image:
    """`digit` in white on black, "L" of `size` (W, H); `height`, `pen` in pixels, `turn` in °."""
    image = Image.new("L", size)
    canvas = ImageDraw.Draw(image)
    middle = np.array(centre if centre is not None else (size[0] / 2, size[1] / 2))
    angle = np.radians(turn)
    turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    for stroke in strokes(digit, random):
        points = [tuple(p) for p in (stroke @ turned * height + middle).tolist()]
        canvas.line(points, fill=255, width=max(1, round(pen)), joint="curve")
        if pen >= 3:
            for x, y in points[0], points[-1]:  # a pen's round end
                canvas.ellipse([x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2], fill=255)
    return image


PENS = {"black": (25, 25, 30), "blue": (30, 45, 130), "red": (170, 35, 40), "pencil": (95, 95, 95)}
PAPERS = ("plain", "ruled", "squared")


def photograph(digit: int, random: np.random.RandomState, megapixels: float) -> Image.Image:
    """A phone's photograph, RGB, of `digit` on a sheet of paper.

    The light falls off to a third across the picture, a shadow with a soft edge lies over a part of
    it, and sensor noise over all. Paper, pen, the digit's size and place, and a turn of up to
    12 degrees are drawn at random.
    """
    short = int((megapixels * 1e6 * 3 / 4) ** 0.5)
    size = (short, short * 4 // 3) if random.rand() < 0.5 else (short * 4 // 3, short)
    turn = random.uniform(-12, 12)
    paper = Image.new("RGB", size, tuple(random.randint(225, 256, 3).tolist()))
    kind = PAPERS[random.randint(3)]
    if kind != "plain":
        lines = Image.new("L", size)
        rule(lines, short * random.uniform(0.06, 0.12), kind == "squared", turn, short / 500)
        contrast = random.uniform(0.1, 0.3)
        paper.paste((120, 150, 200), mask=lines.point(lambda v: int(v * contrast / 0.4)))

    height = short * random.uniform(0.3, 0.7)
    place = tuple(side / 2 + short * random.uniform(-0.12, 0.12) for side in size)
    pen = height * np.exp(random.uniform(np.log(0.025), np.log(0.16)))
    stroke = draw(digit, random, size, height, pen, place, turn)
    ink = list(PENS.values())[random.randint(len(PENS))]
    paper.paste(ink, mask=stroke.filter(ImageFilter.BoxBlur(short / 1000)))

    photo = ImageChops.multiply(paper, light(size, random).convert("RGB"))
    noise = Image.fromarray(random.normal(128, 5, (256, 256, 3)).clip(0, 255).astype(np.uint8))
    grain = Image.new("RGB", size)
    for x in range(0, size[0], 256):
        for y in range(0, size[1], 256):
            grain.paste(noise, (x, y))
    return ImageChops.add(photo, grain, offset=-128)


def on_a_table(photo: Image.Image, random: np.random.RandomState) -> Image.Image:
    """`photo` as if its paper ended before its edges: a dark, grained table all around."""
    width, height = photo.size
    margins = random.uniform(0.02, 0.12, 8) * min(photo.size)
    left, top, right, bottom = width - margins[0], margins[1], margins[2], height - margins[3]
    corners = [
        (right, top),
        (left, margins[4] + margins[5]),
        (width - margins[6], bottom),
        (margins[7], height - margins[1]),
    ]
    paper = Image.new("L", photo.size)
    ImageDraw.Draw(paper).polygon(corners, fill=255)
    grain = np.repeat(random.normal(0, 10, (height, -(-width // 40))), 40, axis=1)[:, :width]
    wood = np.array([(90, 60, 40), (50, 45, 45), (140, 105, 70)][random.randint(3)])
    table = Image.fromarray((wood + grain[..., None]).clip(0, 255).astype(np.uint8))
    return Image.composite(photo, table, paper)


def blackboard(digit: int, random: np.random.RandomState, size: tuple[int, int]) -> Image.Image:
    """`digit` in chalk on a blackboard, RGB of `size` (W, H), in uneven light."""
    board = Image.new("RGB", size, [(40, 60, 50), (30, 30, 32), (60, 80, 70)][random.randint(3)])
    height = min(size) * random.uniform(0.3, 0.7)
    chalk = draw(digit, random, size, height, height * random.uniform(0.04, 0.16))
    board.paste((225, 225, 220), mask=chalk)
    lit = np.asarray(ImageChops.multiply(board, light(size, random).convert("RGB")))
    noisy = lit + random.normal(0, 4, lit.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def rule(image: Image.Image, distance: float, squared: bool, turn: float, width: float) -> None:
    """Lines across an "L" image, `distance` pixels apart and turned by `turn` degrees."""
    canvas = ImageDraw.Draw(image)
    middle, reach = np.array(image.size) / 2, sum(image.size)
    for angle in [turn, turn + 90] if squared else [turn]:
        along = np.array([np.cos(np.radians(angle)), -np.sin(np.radians(angle))])
        across = np.array([along[1], -along[0]])
        for n in range(int(-reach / distance), int(reach / distance) + 1):
            start = middle + n * distance * across - reach * along
            points = [tuple(start), tuple(start + 2 * reach * along)]
            canvas.line(points, fill=255, width=max(1, round(width)))


def light(size: tuple[int, int], random: np.random.RandomState) -> Image.Image:
    """What a lamp at one side and a shadow leave of the light: "L" of `size`, smooth."""
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    angle = random.uniform(0, 2 * np.pi)
    slope = (np.cos(angle) * x + np.sin(angle) * y) / 1.42  # from -1 to 1
    level = 0.9 * 3 ** ((slope - 1) / 2)  # from 0.3 to 0.9
    angle, edge = random.uniform(0, 2 * np.pi), random.uniform(-0.6, 0.6)
    side = np.cos(angle) * x + np.sin(angle) * y - edge
    level *= 1 - random.uniform(0.2, 0.5) / (1 + np.exp(-side / random.uniform(0.02, 0.1)))
    field = Image.fromarray((255 * level).round().astype(np.uint8))
    return field.resize(size, Image.Resampling.BILINEAR)

"""Imports inside the package point one way, as CONTRIBUTING.md says, and never in a circle."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "cnn_course"
# Each part may import those of its own layer and of the layers below.
LAYERS = [
    "__main__ cli commands console dispatch exporting parser recipes reporting running verdict",
    "checks comparing inspection plots widgets",
    "augmentation checkpoints distributed history progress training",
    "data models quantization weight_files",
    "__init__ arithmetic devices dtypes names normalizing ops reading results tables writing",
]
LAYER = {part: number for number, layer in enumerate(LAYERS) for part in layer.split()}


def parts_imported(file: Path) -> set[str]:
    """The parts of the package that a file imports: "data" for cnn_course.data.images."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        else:
            continue
        names = [path.split(".")[1] for path in paths if path.startswith("cnn_course.")]
        found |= {name if name in PARTS else "__init__" for name in names}
    return found


FILES = {
    file: file.relative_to(PACKAGE).parts[0].removesuffix(".py") for file in PACKAGE.rglob("*.py")
}
PARTS = set(FILES.values())
IMPORTS = {part: set() for part in PARTS}
for file, part in FILES.items():
    IMPORTS[part] |= parts_imported(file) - {part}


def test_every_part_has_its_layer():
    assert set(LAYER) == PARTS, "name a new part in LAYERS, above all that it imports"


@pytest.mark.parametrize("part", sorted(PARTS & set(LAYER)))
def test_imports_point_down(part):
    upwards = {other for other in IMPORTS[part] & set(LAYER) if LAYER[other] < LAYER[part]}
    assert not upwards, f"{part} imports {upwards}, which a layer above has"


def test_no_circle():
    left = dict(IMPORTS)
    while free := [part for part, needed in left.items() if not needed & set(left)]:
        for part in free:
            del left[part]
    assert not left, f"these parts import each other: {sorted(left)}"

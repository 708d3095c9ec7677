"""Whatever is done to a file or an argument ends well or in one sentence, and nothing is lost.

A case is a number: it chooses what is read, and seeds all that is done to it. To repeat one:
pytest tests/test_damage.py -m "slow or not slow" -k "test_damage and 1234"
"""

import json
import shutil
import signal
import sys
import urllib.request
from io import StringIO
from pathlib import Path

import pytest
import ranks
import torch
from damage import WORDS, Damage, contents, files
from PIL import Image
from tiny_data_sets import fake_digits, no_network, write_cifar10, write_mnist

from cnn_course import exporting, reporting, results, running
from cnn_course.cli import main
from cnn_course.data import SPLITS, embedded, load
from cnn_course.data.full import KEPT
from cnn_course.history import History
from cnn_course.models import build, pretrained, save_model

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="alarms and pipes are POSIX's")

QUICK, ALL = 500, 5000
KINDS = ("png", "jpg", "gif", "bmp", "tiff", "webp", "ppm", "ico")
PATIENCE = 300  # seconds a case, each of which takes less than one: what takes longer hangs
COMMANDS = (["train", "mlp"], ["evaluate", "digits.safetensors"], ["predict"], ["export"])
NAMES = ("b.png", "[a]*?", "e\u0301", "-x", "a\nb", "\udcff", "a" * 255, "train", "Thumbs.db")


class HangError(BaseException):
    """Not an Exception, which the package might take for one of its own."""


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A folder with one good example of all that the package reads, and no network."""
    root = tmp_path_factory.mktemp("good")
    images, labels = fake_digits(20)
    for split, count in (("train", 8), ("test", 2)):
        for name in ("cat", "dog"):
            folder = root / "pets" / split / name
            folder.mkdir(parents=True)
            for i, kind in enumerate(KINDS[:count]):
                Image.fromarray(images[i, :16, :16]).save(folder / f"{i}.{kind}")
    Image.fromarray(load("mnist-sample", "test").images[0, 0].numpy()).save(root / "digit.png")
    (root / "recorded.json").write_text('{"provenance": {"data": []}, "rows": [{"runs": [1]}]}')
    shutil.copytree(pretrained.WEIGHTS, root / "weights")
    about = {"in_channels": 1, "input_size": 28, "classes": list("0123456789"), "data": "mnist"}
    save_model(root / "digits.safetensors", build("mlp"), "mlp", about)
    save_model(root / "any_size.safetensors", build("global-pool-cnn"), "global-pool-cnn", about)
    with pytest.MonkeyPatch.context() as patch:
        load("mnist-m", "test", root=root / "kept")
        write_mnist(root / "kept", images, labels)
        write_cifar10(root / "kept", patch, per_batch=20)
        patch.chdir(root)
        assert command(training("finished")) == (0, "")
        with patch.context() as stopping:
            stopping.setattr(reporting, "say", ranks.stop)
            assert command(training("unfinished"))[0] == 130
        shutil.copytree("unfinished", "failed")
        Path("failed/history.json").write_text(json.dumps(vars(History()) | {"failure": 1}))
        patch.setattr(urllib.request, "urlopen", no_network)
        yield root


def training(out, *more):
    options = ["--epochs", "2", "--batch-size", "4", "--device", "cpu", "--out", out]
    return ["train", "mlp", "--data", "folder:pets", *options, *more]


def command(arguments):
    """The exit status of a command and what it says on standard error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", StringIO())
        patch.setattr(sys, "stderr", StringIO())
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse's way
            status = end.code
        return status, sys.stderr.getvalue()


def ends_well(arguments, names=""):
    """Whether a command succeeds; where not, lines of its own name what failed."""
    status, said = command(arguments)
    assert status in (0, 1, 2)
    if status == 0:
        assert said == ""
        return True
    assert all(line.startswith("cnn-course: ") for line in said.splitlines())
    assert names in said
    assert said.strip("\n")
    return False


def read(function, *arguments, names="", **options):
    """Call a function of the package, whose error, if it fails, is one sentence."""
    try:
        function(*arguments, **options)
        return
    except (ValueError, OSError) as error:
        said = str(error)
    assert "\n" not in said
    assert names in said


# What is read. Each is given a copy of the good folder's part, which it damages.


def weights(damage):
    path = Path(damage.one(("digits.safetensors", "any_size.safetensors"))).absolute()
    damage.file(path)
    more = damage.one(([], ["--json"], ["--raw"]))
    if damage.random.random() < 0.9:
        ends_well(["predict", path, "digit.png", *more], path.name)
    else:
        ends_well(["evaluate", path, "--data", "folder:pets"])


def shipped(damage):
    before = Path("weights/lenet5.safetensors").read_bytes()
    damage.file(damage.one(files(Path("weights"))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrained, "WEIGHTS", Path("weights").absolute())
        if ends_well(["predict", "lenet5", "digit.png"], "lenet5"):
            assert Path("weights/lenet5.safetensors").read_bytes() == before


def run(damage):
    """A folder of a run: whatever a training there cannot go on from stays as it is."""
    path = Path(damage.one(("finished", *["unfinished"] * 3, "failed"))).absolute()
    if path.name == "unfinished" and damage.random.random() < 0.3:
        shutil.copy(damage.one(("finished/history.json", "recorded.json")), path / "history.json")
    damage.file(damage.one(files(path)))
    before = contents(path)
    status, said = command(training(path, *damage.one(([], ["--resume"], ["--resume"]))))
    assert status in (0, 1, 2), said
    assert said.count("\n") == (status > 0)
    if status == 2:
        assert contents(path) == before
    elif status == 0:
        (file,) = path.glob("*.safetensors")
        pretrained.load_model(file)


def image(damage):
    path = damage.one([Path("digit.png"), *files(Path("pets/train/cat"))])
    damage.file(path)
    network = damage.one(("digits.safetensors", "finished"))
    ends_well(["predict", network, path, *damage.one(([], ["--json"], ["--raw"]))], path.name)


def folder(damage):
    path = damage.one(files(Path("pets")))
    if damage.random.random() < 0.7:
        damage.file(path)
    else:
        place = damage.one((path, path.parent, path.parent.parent))
        damage.done.append(name := damage.one(NAMES))
        if not place.with_name(name).exists():
            place.rename(place.with_name(name))
    before = contents(Path("pets"))
    ends_well(["evaluate", "finished", "--data", "folder:pets", "--split", damage.one(SPLITS)])
    assert contents(Path("pets")) == before


def archive(damage):
    """The files that torchvision keeps, and those that its earlier releases kept; and our own."""
    name = damage.one(("mnist", "mnist", "cifar10", "mnist-m"))
    if name == "mnist-m":
        damage.file(Path("kept/mnist-m-test.bin"))
        assert load(name, "test", root="kept").sha256 == embedded.SHA256[name, "test"]
        return
    if damage.random.random() < 0.1:
        Path("kept/MNIST/processed").mkdir()
        for file in ("training.pt", "test.pt"):
            Path("kept/MNIST/processed", file).write_bytes(damage.random.bytes(30))
    # A huge one torchvision would read to its end, for the checksum.
    damage.file(damage.one(files(Path("kept", KEPT[name]))), but="huge")
    before = contents(Path("kept"))
    download = bool(damage.random.random() < 0.1)
    read(load, name, damage.one(SPLITS), root="kept", download=download, names=name)
    assert all(contents(Path("kept")).get(path) == found for path, found in before.items())


def recorded(damage):
    damage.file(Path("recorded.json"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "FOLDER", Path())
        read(results.load, "recorded", names="recorded")


def arguments(damage):
    """Any words at all; nothing is trained or exported, since what comes before is asked for."""
    words = [damage.one(WORDS) for _ in range(damage.random.integers(1, 12))]
    if damage.random.random() < 0.8:
        words[:1] = damage.one(COMMANDS)
    if words[0] in ("train", "evaluate") and damage.random.random() < 0.7:
        words += ["--data", damage.one(("folder:pets", "mnist", "cifar10", "mnist-sample"))]
    damage.done += words

    def fit(*arguments, **options):
        raise FloatingPointError("nothing is trained here")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "fit", fit)
        patch.setattr(exporting, "to_onnx", lambda *arguments: None)
        patch.setenv("CNN_COURSE_CACHE", "kept")
        ends_well(words)


# What is read, and the parts of the good folder that it needs.
READ = {
    weights: ("digits.safetensors", "any_size.safetensors", "digit.png", "pets"),
    shipped: ("weights", "digit.png"),
    run: ("finished", "unfinished", "failed", "pets", "recorded.json"),
    image: ("digits.safetensors", "digit.png", "finished", "pets"),
    folder: ("finished", "pets"),
    archive: ("kept",),
    recorded: ("recorded.json",),
    arguments: ("digits.safetensors", "digit.png", "finished", "unfinished", "pets", "kept"),
}


@pytest.mark.parametrize(
    "case",
    [*range(QUICK), *(pytest.param(case, marks=pytest.mark.slow) for case in range(QUICK, ALL))],
)
def test_damage(case, good, tmp_path, monkeypatch):
    damage, what = Damage(case), list(READ)[case % len(READ)]
    for part in READ[what]:
        copy = shutil.copytree if (good / part).is_dir() else shutil.copy
        copy(good / part, tmp_path / part)
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()

    def hang(number, frame):
        raise HangError(f"after {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(PATIENCE)
    try:
        what(damage)
    except BaseException as error:
        error.add_note(f"case {case}, {what.__name__}: {damage.done}")
        raise
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        torch.set_num_threads(threads)

"""The arguments of the command line: cnn-course train | evaluate | predict | export | summary.

They are checked here, before torch is loaded, which takes seconds.
"""

import argparse
import re
from pathlib import Path

from cnn_course import __version__, console, names

DATA = f"{', '.join(names.DATA)} with PATH/train/<class>/*"
STATUSES = """exit status:
    0  done
    1  the training failed: no weights are saved
    2  something that was given cannot be used, or the result not be written
  130  stopped by Ctrl-C (143: by SIGTERM)
  141  nobody reads the output any more"""


class Parser(argparse.ArgumentParser):
    """One line for an error, not the usage as well."""

    def error(self, message):
        console.complain(f"{message}; see {self.prog} --help")
        self.exit(2)

    def parse_args(self, args):
        found = super().parse_args(args)
        if [] in vars(found).values():  # what Python before 3.13 makes of --out=--
            empty = next((a for a in args if a.endswith("=--")), "--")
            self.error(f"argument {empty}: give a value")
        return found


def parser() -> argparse.ArgumentParser:
    top = Parser(
        prog="cnn-course",
        description="Train, evaluate and use the course's networks.",
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--debug", action="store_true", help="show the traceback of an error")
    top.add_argument("--version", action="version", version=f"cnn-course {__version__}")
    subparsers = top.add_subparsers(
        required=True, dest="command", metavar="COMMAND", parser_class=Parser
    )

    def command(name, text):
        sub = subparsers.add_parser(name, help=text, description=text)
        sub.add_argument("--debug", action="store_true", default=argparse.SUPPRESS)
        return sub

    known = ", ".join(names.MODELS)
    trained = f"a run's folder, a .safetensors file, or a name: {known}"
    model, data = _checked(names.check_model), _checked(names.check_data)

    train = command("train", "train a network, and save it")
    train.add_argument("model", metavar="MODEL", type=model, help=known)
    train.add_argument(
        "--data",
        required=True,
        type=data,
        help=f"{DATA}, whose images are made square, {names.LARGEST} pixels at most",
    )
    train.add_argument("--epochs", type=_whole(1), default=10, help="passes over the data (10)")
    train.add_argument("--batch-size", type=_whole(1), help="images a step (the model's recipe)")
    train.add_argument("--lr", type=_rate, help="peak learning rate (the model's recipe)")
    train.add_argument(
        "--flip",
        action=argparse.BooleanOptionalAction,
        help="mirror images left to right at random, as suits photographs, and no digits or "
        "letters (modern_cnn on cifar10 does)",
    )
    train.add_argument(
        "--seed", type=_whole(0, 2**64 - 1), default=0, help="of all that is random (0)"
    )
    train.add_argument("--device", help="cpu, cuda, … (CUDA where there is one)")
    train.add_argument("--out", type=_folder, help="the run's folder (runs/MODEL-DATA)")
    train.add_argument("--resume", action="store_true", help="go on with an unfinished run")
    train.add_argument(
        "--limit", type=_whole(1), help="train on so many images, chosen by the seed"
    )
    train.add_argument(
        "--from", dest="start", metavar="MODEL_OR_DIR", help="start from its weights"
    )

    evaluate = command("evaluate", "measure a trained network")
    evaluate.add_argument("model", metavar="MODEL_OR_DIR", help=trained)
    evaluate.add_argument("--data", required=True, type=data, help=DATA)
    evaluate.add_argument(
        "--split",
        default="test",
        type=_checked(names.check_split),
        help="train, validation or test (test)",
    )
    evaluate.add_argument("--device", help="cpu, cuda, …")
    for sub in (train, evaluate):
        sub.add_argument(
            "--download", action="store_true", help="fetch mnist or cifar10 where it is missing"
        )

    predict = command("predict", "say what images show")
    predict.add_argument("model", metavar="MODEL_OR_DIR", help=trained)
    predict.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        type=Path,
        help="for a network that was trained on MNIST a digit, drawn or photographed, dark on "
        "light or light on dark: it is found, scaled and centred as MNIST's digits were",
    )
    predict.add_argument(
        "--raw", action="store_true", help="give the network the image as it is, only resized"
    )
    for sub in (evaluate, predict):
        sub.add_argument("--json", action="store_true", help="print JSON, and nothing else")

    export = command("export", "write a trained network as ONNX, and check the file")
    export.add_argument("model", metavar="MODEL_OR_DIR", help=trained)
    export.add_argument("--out", required=True, type=_onnx, metavar="FILE.onnx")

    summary = command("summary", "list a network's layers")
    summary.add_argument("model", metavar="MODEL", type=model, help=known)
    summary.add_argument(
        "--input-shape",
        default="1,28,28",
        type=_shape,
        help="channels,height,width (1,28,28)",
    )
    return top


def _checked(check):
    """The `check` of a value, as a type of argparse, which shows the message of no ValueError."""

    def convert(text):
        try:
            return check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _whole(least: int, most: int = 10**9):
    def check(text):
        number = int(text) if re.fullmatch(r"[+-]?\d{1,20}", text, re.ASCII) else None
        if number is None or not least <= number <= most:
            raise ValueError(f"{text}: give a whole number from {least:,} to {most:,}")
        return number

    return _checked(check)


@_checked
def _rate(text):
    number = re.fullmatch(r"\+?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text, re.ASCII | re.I)
    rate = float(text) if number else 0
    if not 0 < rate <= names.MOST_RATE:
        raise ValueError(f"{text}: give a learning rate above 0, and {names.MOST_RATE:g} at most")
    return rate


@_checked
def _shape(text):
    numbers = re.fullmatch(r"(\d{1,6}),(\d{1,6}),(\d{1,6})", text, re.ASCII)
    if not numbers:
        raise ValueError(f"{text}: give channels,height,width, such as 1,28,28")
    channels, height, width = map(int, numbers.groups())
    if min(channels, height, width) < 1 or max(channels, height, width) > 2**16:
        raise ValueError(f"{text}: give numbers from 1 to {2**16:,}")
    if height != width:
        raise ValueError(f"{text}: the networks take square images; give two equal sides")
    return channels, height, width


@_checked
def _folder(text):
    if not text:  # an unset variable of a script; Path would take it for the current folder
        raise ValueError("give a folder")
    return Path(text)


@_checked
def _onnx(text):
    if Path(text).suffix.lower() != ".onnx":
        raise ValueError(f"{text}: what is written is ONNX; give a name that ends in .onnx")
    return Path(text)

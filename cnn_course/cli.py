"""The command line: cnn-course train | evaluate | predict | export | summary."""

import argparse
import json
import sys
from pathlib import Path

from cnn_course import commands
from cnn_course.models import MODELS

DATA = "mnist-sample, mnist-m, mnist, cifar10, or folder:PATH with PATH/train/<class>/*"
TRAINING_DATA = f"{DATA}, whose images are made square, {commands.LARGEST} pixels at most"


class Parser(argparse.ArgumentParser):
    """One line for an error, not the usage as well."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    top = Parser(prog="cnn-course", description="Train, evaluate and use the course's networks.")
    top.add_argument("--debug", action="store_true", help="show the traceback of an error")
    subparsers = top.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)

    def command(function, name, text):
        sub = subparsers.add_parser(name, help=text, description=text)
        sub.set_defaults(function=function)
        sub.add_argument("--debug", action="store_true", default=argparse.SUPPRESS)
        return sub

    trained = f"a run's folder, a .safetensors file, or a name: {', '.join(MODELS)}"
    train = command(commands.train, "train", "train a network, and save it")
    train.add_argument("model", metavar="MODEL", help=", ".join(MODELS))
    train.add_argument("--data", required=True, help=TRAINING_DATA)
    train.add_argument("--epochs", type=int, default=10, help="passes over the data (10)")
    train.add_argument("--batch-size", type=int, help="images a step (the model's recipe)")
    train.add_argument("--lr", type=float, help="peak learning rate (the model's recipe)")
    train.add_argument("--seed", type=int, default=0, help="of all that is random (0)")
    train.add_argument("--device", help="cpu, cuda, … (CUDA where there is one)")
    train.add_argument("--out", type=Path, help="the run's folder (runs/MODEL-DATA)")
    train.add_argument("--resume", action="store_true", help="go on with an unfinished run")
    train.add_argument("--limit", type=int, help="train on so many images, chosen by the seed")
    train.add_argument(
        "--from", dest="start", metavar="MODEL_OR_DIR", help="start from its weights"
    )

    evaluate = command(commands.evaluate, "evaluate", "measure a trained network")
    evaluate.add_argument("model", metavar="MODEL_OR_DIR", help=trained)
    evaluate.add_argument("--data", required=True, help=DATA)
    evaluate.add_argument("--split", default="test", help="train, validation or test (test)")
    evaluate.add_argument("--device", help="cpu, cuda, …")
    evaluate.add_argument("--json", action="store_true", help="print JSON, and nothing else")

    predict = command(commands.predict, "predict", "say what images show")
    predict.add_argument("model", metavar="MODEL_OR_DIR", help=trained)
    predict.add_argument("images", metavar="IMAGE", nargs="+", type=Path)
    predict.add_argument("--json", action="store_true", help="print JSON, and nothing else")

    export = command(
        commands.export, "export", "write a trained network as ONNX, and check the file"
    )
    export.add_argument("model", metavar="MODEL_OR_DIR", help=trained)
    export.add_argument("--out", required=True, type=Path, metavar="FILE.onnx")

    summary = command(commands.summary, "summary", "list a network's layers")
    summary.add_argument("model", metavar="MODEL", help=", ".join(MODELS))
    summary.add_argument("--input-shape", default="1,28,28", help="channels,height,width (1,28,28)")
    return top


def main(argv: list[str] | None = None) -> int:
    """Run a command; the exit status: 0, 2 for an error (told in one line), 130 for Ctrl-C."""
    arguments = vars(parser().parse_args(argv))
    function, debug = arguments.pop("function"), arguments.pop("debug")
    try:
        result = function(**arguments)
    except KeyboardInterrupt:
        print("cnn-course: stopped; --resume goes on after the last epoch", file=sys.stderr)
        return 130
    except (ValueError, OSError, FloatingPointError, ImportError) as error:
        if debug:
            raise
        print(f"cnn-course: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    if result is not None:
        print(result if isinstance(result, str) else json.dumps(result, ensure_ascii=False))
    return 0

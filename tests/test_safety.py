"""What a file or an argument says is never run: no eval, no pickle, no shell."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("cnn_course", "benchmarks", "tools")
BUILTINS = ("eval", "exec", "compile", "__import__")
MODULES = ("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "pty", "code", "runpy")
FUNCTIONS = {
    "os": r"system|popen|exec\w+|spawn\w+|posix_spawnp?|startfile",
    "subprocess": "getoutput|getstatusoutput",
    "importlib": "import_module",
    "torch": "load|save",  # which are pickle
    "np": "load|save",
    "numpy": "load|save",
    "yaml": "load|unsafe_load",
}


def unsafe(code):
    """The lines of `code` that run what they are given, or could."""
    return [node.lineno for node in ast.walk(ast.parse(code)) if any(_unsafe(node))]


def _unsafe(node):
    if isinstance(node, ast.Import):
        yield from (_root(alias.name) in MODULES for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield _root(node.module or "") in MODULES
        yield from (_runs(node.module, alias.name) for alias in node.names)
    elif isinstance(node, ast.Name):
        yield node.id in BUILTINS
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        yield _runs(node.value.id, node.attr)
    elif isinstance(node, ast.keyword):
        yield node.arg in ("shell", "allow_pickle")
        yield node.arg == "weights_only" and ast.unparse(node.value) != "True"


def _root(module):
    return module.partition(".")[0]


def _runs(module, name):
    return bool(re.fullmatch(FUNCTIONS.get(module, ""), name))


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_that_is_read_is_run(folder):
    for path in sorted((ROOT / folder).rglob("*.py")):
        lines = unsafe(path.read_text(encoding="utf-8"))
        assert not lines, f"{path.relative_to(ROOT)}, lines {lines}"


@pytest.mark.parametrize(
    "code",
    [
        "eval(text)", "exec(text)", "f = eval", "import pickle", "from pickle import loads",
        "import joblib.numpy_pickle", "torch.load(path)", "from torch import load",
        "np.load(path, allow_pickle=True)", "g(path, weights_only=False)", "os.system(text)",
        "subprocess.run(text, shell=True)", "subprocess.getoutput(text)", "os.execvpe(*text)",
        "importlib.import_module(text)", "import runpy", "from subprocess import getoutput",
    ],
)  # fmt: skip
def test_what_would_be_found(code):
    assert set(unsafe(code)) == {1}


def test_what_is_harmless():
    assert not unsafe("model.eval(); re.compile(text); subprocess.run(['git', name]); load(name)")

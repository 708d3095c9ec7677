"""What a file or an argument says is never run: no eval, no pickle, no shell."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("cnn_course", "benchmarks", "tools")
BUILTINS = ("eval", "exec", "compile", "__import__")
MODULES = ("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "pty", "code")
FUNCTIONS = {
    "os": ("system", "popen", "execv", "execl", "execvp", "execlp", "execve", "spawnl", "spawnv"),
    "subprocess": ("getoutput", "getstatusoutput"),
    "torch": ("load", "save"),  # which are pickle
    "np": ("load", "save"),
    "numpy": ("load", "save"),
    "yaml": ("load", "unsafe_load"),
}


def unsafe(code):
    """The lines of `code` that run what they are given, or could."""
    found = []
    for node in ast.walk(ast.parse(code)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            found += [
                node.lineno
                for alias in node.names
                if alias.name in FUNCTIONS.get(node.module or "", ())
            ]
        if any(name.partition(".")[0] in MODULES for name in names):
            found.append(node.lineno)
        if isinstance(node, ast.Name) and node.id in BUILTINS:
            found.append(node.lineno)
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.attr in FUNCTIONS.get(node.value.id, ())
        ):
            found.append(node.lineno)
        if isinstance(node, ast.keyword) and (
            node.arg in ("shell", "allow_pickle")
            or (node.arg == "weights_only" and ast.unparse(node.value) != "True")
        ):
            found.append(node.value.lineno)
    return found


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
        "subprocess.run(text, shell=True)", "subprocess.getoutput(text)",
    ],
)  # fmt: skip
def test_what_would_be_found(code):
    assert set(unsafe(code)) == {1}


def test_what_is_harmless():
    assert not unsafe("model.eval(); re.compile(text); subprocess.run(['git', name]); load(name)")

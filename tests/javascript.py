"""The scripts in tests/js, run by node on cases that a test has written."""

import json
import os
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parent / "js"


def run_node(node, script, cases, folder, *options, **more):
    """Run a script of tests/js on `cases`, written into `folder`; `more` is its environment."""
    fixtures = folder / "cases.json"
    fixtures.write_text(json.dumps(cases), encoding="utf-8")
    return subprocess.run(
        [node, *options, SCRIPTS / script],
        env=os.environ | {"FIXTURES": str(fixtures)} | more,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def passes_by_node(node, script, cases, folder, count):
    """Let node test a script of tests/js on `cases`; exactly `count` tests must pass."""
    run = run_node(node, script, cases, folder, "--test", "--test-reporter=tap")
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"\n# pass {count}\n" in run.stdout, run.stdout

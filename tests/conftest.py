"""One Chromium for all the tests that look at pages, and node for those of scripts."""

import os
import shutil

import matplotlib
import pytest
from good_chapter import chapter, good_chapter, good_project, project  # noqa: F401
from hypothesis import HealthCheck, settings
from page_visits import PATIENCE
from playwright.sync_api import sync_playwright

# No window opens, whatever the machine could show.
matplotlib.use("Agg")

# No test depends on the time that it takes.
settings.register_profile("course", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("course")

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# The browser must start in a container, and ask nothing of the network on its own behalf.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def program(kind, names, package):
    """The path of the first program of these names; without one, the test fails or is skipped."""
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        reason = f"no {kind} on PATH under any of the names {', '.join(names)}"
        if os.environ.get("CNN_COURSE_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{reason}; install one, on Debian: apt-get install {package}")
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def node():
    """The path of node, which runs JavaScript outside of a browser."""
    return program("node", ("node", "nodejs"), "nodejs")


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium with a new profile, the one that the system has."""
    path = program("browser", CHROMIUM_NAMES, "chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=CHROMIUM_FLAGS, timeout=PATIENCE
        )
        yield chromium
        chromium.close()

"""One Chromium for all the tests that look at pages."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

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


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium with a new profile, the one that the system has."""
    path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if path is None:
        reason = f"no browser on PATH under any of the names {', '.join(CHROMIUM_NAMES)}"
        if os.environ.get("CNN_COURSE_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{reason}; install one, on Debian: apt-get install chromium")
        pytest.skip(reason)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()

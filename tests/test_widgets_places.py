"""The interactive figures where readers meet them: from a file and a server, in a frame as Colab
has it, and in JupyterLab; and what axe-core, which knows the rules for accessible pages, finds.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
import page_visits
import pytest
import widget_pages
from axe_playwright_python.sync_playwright import Axe
from nbformat import v4
from serving import served

ROOT = Path(__file__).parents[1]
NAMES = list(widget_pages.CALLS)
TOKEN = "only-for-this-test"

# By keys alone: go to one control after the other, and use it, until a status says something else.
STATUSES = (
    """root => [...root.querySelectorAll('[role="status"]')].map(e => e.textContent).join()"""
)
CONTROLS = "button:enabled:visible, input:visible, select:visible, [tabindex='0']:visible"


def lives(figure, keyboard):
    """Whether a control of the figure changes its status; the focus stays inside of it."""
    before = figure.evaluate(STATUSES)
    for control in figure.locator(CONTROLS).all()[:8]:
        control.focus()
        for key in ("ArrowUp", "ArrowRight", "Enter"):
            keyboard.press(key)
            if figure.evaluate(STATUSES) != before:
                return True
    return False


def every(*names):
    return widget_pages.html(*map(widget_pages.make, names or NAMES))


# --- axe-core


def faults(page):
    """Serious and critical ones, each with the rule and the element."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']} ({fault['impact']}): {fault['help']}: {node['html'][:200]}"
        for fault in found
        for node in fault["nodes"]
        if fault["impact"] in ("serious", "critical")
    ]


# Each theme and each width once; where there is time, each theme at each width.
SLOW = [pytest.param(*pair, marks=pytest.mark.slow) for pair in (("dark", 1280), ("light", 390))]


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390), *SLOW])
def test_axe_finds_no_fault(browser, tmp_path, theme, width):
    with widget_pages.opened(browser, tmp_path, every(), theme=theme, width=width) as page:
        assert page.locator(".cnn-widget[data-live]").count() == len(NAMES)
        assert not faults(page)
        for button in page.get_by_role("button", name="Skip the guess").all()[::-1]:
            button.click()
        assert not faults(page)


def test_axe_finds_a_fault_where_there_is_one(browser, tmp_path):
    bad = '<p style="color: #999">pale</p><button></button><input><img src="data:,">'
    text = widget_pages.PAGE.format(body=bad)
    with widget_pages.opened(browser, tmp_path, text) as page:
        found = {fault.split()[0] for fault in faults(page)}
    assert found >= {"color-contrast", "button-name", "label", "image-alt"}


# --- A server, and a frame


def test_over_http_nothing_but_the_page_is_asked_for(browser, tmp_path):
    (tmp_path / "page.html").write_text(every(), encoding="utf-8")
    with served(tmp_path) as (home, asked):
        seen = page_visits.Visit(f"{home}page.html", "light")
        page = page_visits.open_page(browser, seen.url, "light", seen)
        page.goto(seen.url)
        for n, name in enumerate(NAMES):
            assert lives(page.locator(".cnn-widget").nth(n), page.keyboard), name
        page.context.close()
    # A browser asks a server for its icon; in some versions it does not.
    assert [path for path in asked if path != "/favicon.ico"] == ["/page.html"]
    assert not [url for url in seen.requests if not url.endswith("/favicon.ico")]
    assert not seen.messages


@pytest.mark.parametrize("name", NAMES)
def test_it_lives_in_a_frame_that_only_allows_scripts(browser, tmp_path, name):
    inner = every(name).replace("&", "&amp;").replace('"', "&quot;")
    frame = f'<iframe sandbox="allow-scripts" width="700" height="900" srcdoc="{inner}"></iframe>'
    text = widget_pages.PAGE.format(body=frame)
    with widget_pages.opened(browser, tmp_path, text) as page:
        figure = page.frame_locator("iframe").locator(".cnn-widget[data-live]")
        figure.wait_for()
        assert lives(figure, page.keyboard)


# --- JupyterLab


@contextmanager
def jupyterlab(folder):
    """A server with its own settings, which knows no address but its own: gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    news = folder / "settings" / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)  # it would ask whether it may fetch some
    (news / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    environment = os.environ | {name: str(folder / place) for name, place in own.items()}
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
        *(f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"),
        *(f"--ServerApp.root_dir={folder / 'notebooks'}", "--LabApp.extension_manager=readonly"),
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    log = folder / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, env=environment | {"PYTHONPATH": path}, stdout=output, stderr=output
        )
    try:
        home = f"http://127.0.0.1:{port}/"
        wait_for(f"{home}api/status?token={TOKEN}", server, log)
        yield home
    finally:
        server.terminate()
        server.wait()


def wait_for(address, server, log):
    while server.poll() is None:
        try:
            return urllib.request.urlopen(address, timeout=60).read()
        except urllib.error.URLError:
            time.sleep(0.5)
    pytest.fail(f"JupyterLab ended: {log.read_text()[-2000:]}")


def test_in_jupyterlab_every_figure_lives_and_no_key_reaches_the_notebook(browser, tmp_path):
    opening = "from cnn_course import widgets\nfrom cnn_course.tables import Table"
    sources = [opening, *widget_pages.CALLS.values()]
    notebook = tmp_path / "notebooks" / "figures.ipynb"
    notebook.parent.mkdir()
    written = v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])
    written.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(written, notebook)
    with jupyterlab(tmp_path) as home:
        seen = page_visits.Visit(home, "light")
        page = page_visits.open_page(browser, home, "light", seen)
        page.goto(f"{home}lab/tree/{notebook.name}?token={TOKEN}")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # else it asks for a kernel
        before = list(seen.messages)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        for n, name in enumerate(NAMES, 1):
            cell = page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{n}']")
            scroll_to(page, cell)
            figure = cell.locator(".cnn-widget[data-live]")
            figure.wait_for()
            assert lives(figure, page.keyboard), name
            for key in "abxddmyz":  # shortcuts for cells: above, below, cut, delete, Markdown …
                page.keyboard.press(key)
            assert figure.evaluate("e => e.contains(document.activeElement)"), name
        page.keyboard.press("Control+s")  # with the focus in the last figure
        page.wait_for_function("!document.querySelector('.jp-mod-current.jp-mod-dirty')")
        errors = [m for m in seen.messages[len(before) :] if not m.startswith("warning")]
        page.context.close()
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert [cell["cell_type"] for cell in cells] == ["code"] * len(sources)
    assert ["".join(cell["source"]) for cell in cells] == sources
    assert all(cell["outputs"] for cell in cells[1:])
    assert not errors
    assert not seen.requests


def scroll_to(page, cell):
    """JupyterLab has those cells in the page alone that are near what is shown."""
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    for _ in range(100):  # the longest notebook of these tests is shorter than 30,000 pixels
        if cell.count():
            break
        page.locator(".jp-WindowedPanel-outer").first.evaluate("e => e.scrollBy(0, 300)")
        page.wait_for_timeout(100)
    cell.scroll_into_view_if_needed()

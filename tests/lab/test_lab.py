"""A chapter in a real JupyterLab: all cells run, a slider changes its picture, and nobody gets in without the token."""

import os
import re
import shutil
import subprocess
import sys
import time
from http.client import HTTPConnection
from urllib.parse import parse_qs, urlsplit

import nbformat
import psutil
import pytest
from playwright.sync_api import expect, sync_playwright

from lib.concordance import NOTEBOOKS, ROOT
from lib.edition import Edition

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHAPTER = "03_1_2_convolution.ipynb"
PATIENCE = 180_000  # ms, for a machine that is busy with other tests


@pytest.fixture(scope="module")
def chapter():
    """The chapter as nobody has run it yet: its numbers and outputs will be those of the test."""
    notebook = nbformat.read(NOTEBOOKS / CHAPTER, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(execution_count=None, outputs=[])
    return notebook


@pytest.fixture(scope="module")
def lab(chapter, tmp_path_factory):
    """The address of a JupyterLab on one chapter, with its token."""
    folder = tmp_path_factory.mktemp("lab")
    log, notebooks = folder / "server.log", folder / "notebooks"
    notebooks.mkdir()
    nbformat.write(chapter, notebooks / CHAPTER)
    own = {
        "PYTHONPATH": str(ROOT),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),  # not the settings and the open tabs of the user
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }
    environment = os.environ | own | Edition(folder=str(folder / "results")).environment()
    here = ["--no-browser", "--port=0", "--allow-root"]
    quiet = "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"
    with open(log, "w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options_of_make_lab(), *here, quiet, str(notebooks)],
            env=environment,
            stderr=output,
        )
    try:
        yield _address(server, log)
    finally:
        server.terminate()
        server.wait()


def options_of_make_lab():
    """Return what `make lab` gives JupyterLab before the folder."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return re.search(r"^\t.*/jupyter lab (.*)notebooks$", makefile, re.MULTILINE)[1].split()


def _address(server, log):
    end = time.monotonic() + PATIENCE / 1000
    while not (found := re.search(r"http://127\.0\.0\.1:\d+/lab\?token=\w+", log.read_text())):
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.2)
    return urlsplit(found[0])


@pytest.fixture
def page():
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        opened = browser.new_page(viewport={"width": 1400, "height": 1000})
        opened.set_default_timeout(PATIENCE)
        opened.troubles = []
        opened.on("console", lambda message: message.type == "error" and opened.troubles.append(message.text))
        opened.on("pageerror", lambda error: opened.troubles.append(str(error)))
        yield opened
        browser.close()


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: Debian's chromium has it")
def test_all_cells_run_and_a_slider_changes_its_picture(lab, page, chapter):
    page.goto(lab._replace(path=f"/lab/tree/{CHAPTER}").geturl())
    page.get_by_text("| Idle").wait_for()  # the kernel is there
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
    code = [cell for cell in chapter.cells if cell.cell_type == "code"]
    prompts = [f"[{number}]:" for number, _ in enumerate(code, 1)]
    expect(page.locator(".jp-CodeCell .jp-InputPrompt")).to_have_text(prompts, timeout=PATIENCE)

    picture = page.locator(".widget-output img")
    before = picture.get_attribute("src")
    handle = page.locator(".widget-slider .noUi-handle").first
    handle.press("ArrowRight")
    expect(picture).not_to_have_attribute("src", before, timeout=PATIENCE)
    handle.press("ArrowLeft")
    expect(picture).to_have_attribute("src", before, timeout=PATIENCE)

    complaints = page.locator("[data-mime-type$='jupyter.stderr'], [data-mime-type$='jupyter.error']")
    assert complaints.all_text_contents() == []
    assert page.troubles == []


def test_only_this_machine_can_reach_jupyterlab_and_its_kernels(lab):
    token = parse_qs(lab.query)["token"][0]
    connection = HTTPConnection(lab.netloc, timeout=PATIENCE / 1000)
    connection.request("POST", "/api/kernels", headers={"Authorization": f"token {token}"})
    assert connection.getresponse().status == 201
    connection.close()
    (server,) = {found.pid for found in listeners() if found.laddr.port == lab.port}
    end = time.monotonic() + PATIENCE / 1000
    while len(addresses := listened_on(psutil.Process(server))) < 2:  # the server and its kernel
        assert time.monotonic() < end
        time.sleep(0.1)
    assert set().union(*addresses.values()) <= {"127.0.0.1", "::1"}


def listeners():
    """Return all sockets of this machine that listen."""
    return [found for found in psutil.net_connections("inet") if found.status == psutil.CONN_LISTEN]


def listened_on(process):
    """Return {process id: addresses} of a process and its descendants, as far as they listen."""
    family = {process.pid, *(child.pid for child in process.children(recursive=True))}
    found = {}
    for socket in listeners():
        if socket.pid in family:
            found.setdefault(socket.pid, set()).add(socket.laddr.ip)
    return found


@pytest.mark.parametrize(("with_token", "status"), [(True, 200), (False, 403)])
def test_the_token_is_asked_for(lab, with_token, status):
    token = parse_qs(lab.query)["token"][0]
    connection = HTTPConnection(lab.netloc, timeout=PATIENCE / 1000)
    headers = {"Authorization": f"token {token}"} if with_token else {}
    connection.request("GET", "/api/contents", headers=headers)
    assert connection.getresponse().status == status
    connection.close()

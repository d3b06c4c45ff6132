"""A chapter in a real JupyterLab: all cells run, and a slider changes its picture."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from lib.concordance import NOTEBOOKS, ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: Debian's chromium has it")
CHAPTER = "03_1_2_convolution.ipynb"


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab on a copy of one chapter, token included."""
    shutil.copy(NOTEBOOKS / CHAPTER, tmp_path)
    own = {
        "PYTHONPATH": str(ROOT),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    outside = {name: value for name, value in os.environ.items() if name != "THESIS_EDITION"}
    log = tmp_path / "server.log"
    command = [Path(sys.executable).with_name("jupyter"), "lab", "--no-browser", "--port=0", "--allow-root"]
    quiet = ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with open(log, "w") as output:
        server = subprocess.Popen([*command, *quiet, str(tmp_path)], env=outside | own, stderr=output)
    end, found = time.monotonic() + 120, None
    while not found:
        assert time.monotonic() < end, "JupyterLab did not start"
        time.sleep(0.2)
        found = re.search(r"http://127\.0\.0\.1:\d+/lab\?token=\w+", log.read_text())
    yield found[0]
    server.terminate()
    server.wait()


@pytest.fixture
def page():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser.new_page(viewport={"width": 1400, "height": 1000})
        browser.close()


def test_all_cells_run_and_a_slider_changes_its_picture(lab, page):
    page.set_default_timeout(180_000)
    page.goto(lab.replace("/lab?", f"/lab/tree/{CHAPTER}?"))
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    page.get_by_text("| Idle").wait_for()  # the kernel is there
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
    page.locator(".jp-CodeCell").last.get_by_text(re.compile(r"\[\d+\]:")).wait_for()  # all cells have run
    picture = page.locator(".widget-output img").first
    picture.scroll_into_view_if_needed()
    before = picture.get_attribute("src")
    track = page.locator(".widget-slider .noUi-target").first
    track.click(position={"x": 0.95 * track.bounding_box()["width"], "y": 2}, force=True)
    page.wait_for_function(
        "before => { const shown = document.querySelector('.widget-output img');"
        " return shown && shown.getAttribute('src') !== before }",
        arg=before,
    )
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0

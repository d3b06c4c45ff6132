"""The website in a real browser, from files alone: no errors, no dead links, search, filter, sorting, themes."""

import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from lib import concordance, site

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: Debian's chromium has it")
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The website of this checkout, as {path below it: file}."""
    folder = tmp_path_factory.mktemp("site with spaces") / "site"
    states = {chapter.notebook: None for chapter in concordance.chapters()}
    site.build(folder, states, work=folder.with_name("source"))
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*.html"))
        if "_static" not in path.parts
    }


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


@pytest.fixture(scope="module")
def context(browser):
    with browser.new_context() as shared:
        yield shared


@pytest.fixture
def page(context):
    with context.new_page() as opened:
        opened.troubles = []
        opened.on("console", lambda message: message.type == "error" and opened.troubles.append(message.text))
        opened.on("pageerror", lambda error: opened.troubles.append(str(error)))
        opened.on("requestfailed", lambda request: opened.troubles.append(request.url))
        opened.on("request", lambda request: _note_foreign(opened, request))
        yield opened


def _note_foreign(page, request):
    if urlparse(request.url).scheme not in ("file", "data", "blob", "about"):
        page.troubles.append(f"asked {request.url}")


def test_every_page_opens_without_an_error_or_a_request_to_the_net(pages, page):
    for path in pages.values():
        page.goto(path.as_uri())
        page.wait_for_load_state("networkidle")
        assert page.troubles == [], path.name


def test_every_internal_link_leads_somewhere(pages):
    ids = {path: set(re.findall(r'\bid="([^"]+)"', path.read_text("utf-8"))) for path in pages.values()}
    dead = []
    for path in pages.values():
        for href in re.findall(r'<a\b[^>]*\bhref="([^"]+)"', path.read_text("utf-8")):
            address, fragment = urldefrag(href)
            if urlparse(address).scheme:
                continue
            target = (path.parent / unquote(address)).resolve() if address else path
            if not target.exists() or (fragment and target in ids and unquote(fragment) not in ids[target]):
                dead.append(f"{path.name}: {href}")
    assert dead == []


def test_every_output_and_claim_has_its_place(pages):
    chapters = concordance.chapters()
    for chapter in chapters:
        text = pages[f"chapters/{chapter.notebook}.html"].read_text("utf-8")
        assert [id for id in chapter.owed if f'<span id="{id}"></span>' not in text] == []
    for output in (output for chapter in chapters for output in chapter.outputs):
        assert f"outputs/{output.id}.html" in pages


def test_a_chapter_links_what_it_publishes_by_its_number_in_the_thesis(pages):
    text = pages["chapters/04_2_factorization.html"].read_text("utf-8")
    assert re.search(r'href="../outputs/fig_23_svd.html"[^>]*>.*?fig_23_svd.*?</a> \(Abb. 23\)', text)


def test_the_search_finds_a_chapter(pages, page):
    page.goto(pages["search.html"].as_uri() + "?q=momentum")
    page.wait_for_selector("#search-results li a")
    assert "Optimizers" in page.inner_text("#search-results")
    assert page.troubles == []


def test_the_gallery_shows_one_chapter_alone(pages, page):
    page.goto(pages["gallery.html"].as_uri())
    every = page.locator("#results > a:visible").count()
    page.select_option("#chapter", "03_1_2_convolution")
    owed = concordance.find_chapters(["03_1_2_convolution"])[0].outputs
    assert page.locator("#results > a:visible").count() == len(owed) < every
    assert page.inner_text("#results-count") == f"{len(owed)} of {every}"


def test_the_ledger_is_sorted_by_keyboard_and_filtered(pages, page):
    page.goto(pages["claims.html"].as_uri())
    heading = page.locator("table.sortable th button").first
    heading.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    sections = page.locator("#ledger tr td:first-child").all_inner_texts()
    numbers = [[int(part) for part in section.split()[0].split(".")] for section in sections]
    assert numbers == sorted(numbers, reverse=True)
    page.select_option("#verdict", "corrected")
    assert set(page.locator("#ledger tr:visible td.verdict").all_inner_texts()) == {"corrected"}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "name", ["index.html", "gallery.html", "claims.html", "concordance.html", "chapters/05_4_optimizers.html"]
)
def test_a_page_is_accessible_in_both_themes(pages, page, name, theme):
    page.goto(pages[name].as_uri())
    page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    page.wait_for_timeout(500)  # the colours fade
    found = Axe().run(page, options={"preload": False}).response["violations"]
    assert [
        f"{violation['id']}: {violation['nodes'][0]['html']}"
        for violation in found
        if violation["impact"] in SERIOUS
    ] == []


def test_a_page_fits_a_phone(browser, pages):
    names = ["index.html", "gallery.html", "claims.html", "concordance.html", "data.html", "copyright.html"]
    names += [name for name in pages if name.startswith("outputs/")] + ["chapters/03_1_2_convolution.html"]
    with browser.new_page(viewport={"width": 360, "height": 740}) as page:
        for name in names:
            page.goto(pages[name].as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, name


@pytest.mark.parametrize("name", ["claims.html", "concordance.html", "outputs/tab_overfitting.html"])
def test_a_wide_table_is_whole_on_a_desktop(browser, pages, name):
    with browser.new_page(viewport={"width": 1300, "height": 900}) as page:
        page.goto(pages[name].as_uri())
        assert page.evaluate("document.documentElement.scrollHeight") < 10_000
        frame = page.locator(".scrolling, .pst-scrollable-table-container")
        assert frame.evaluate("frame => frame.scrollWidth <= frame.clientWidth")


def test_every_picture_of_a_chapter_has_words_for_those_who_do_not_see_it(pages):
    for chapter in concordance.chapters():
        text = pages[f"chapters/{chapter.notebook}.html"].read_text("utf-8")
        texts = re.findall(r'<img\b[^>]*\balt="([^"]*)"[^>]*\bsrc="../_images/', text)
        assert len(texts) == text.count('src="../_images/')
        assert [alternative for alternative in texts if not alternative or "_images" in alternative] == []


def test_numbers_of_a_table_stand_under_their_heading(pages, page):
    page.goto(pages["chapters/05_4_optimizers.html"].as_uri())
    table = page.locator("table.dataframe", has_text="final %").first
    for row in (table.locator("tr").first, table.locator("tr").last):
        styles = row.locator("th, td").evaluate_all(
            "cells => cells.map(cell => getComputedStyle(cell).textAlign)"
        )
        assert styles == ["start", "start"] + ["right"] * (len(styles) - 2)


def test_formulas_are_drawn_from_local_files(pages, page):
    page.goto(pages["chapters/03_1_3_activations.html"].as_uri())
    page.wait_for_selector("mjx-container svg")
    assert page.troubles == []


def test_what_is_not_published_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(site.pages, "FIGURES", Path(tmp_path))
    with pytest.raises(site.SiteError, match=r"figures/ lacks .*fig_01_neuron"):
        site.pages.write(tmp_path / "work", {"outputs": {}, "claims": {}}, {})

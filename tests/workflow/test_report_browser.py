"""The report in a real browser: both widths, both languages, both themes, search, and a big project."""

import runpy
import time
from pathlib import Path

import pytest
from hostile import HOSTILE, SCRIPTS

from qaloom.report.stage import report

pytestmark = pytest.mark.slow
sync_api = pytest.importorskip("playwright.sync_api")

FIXTURE = runpy.run_path(str(Path(__file__).parents[1] / "data" / "make_results.py"))
PROJECT = {
    "name": "벼리늘안전연구원",
    "command": "make run",
    "config": {"data": {"sources": ["data/demo/*.jsonl"]}},
}
OVERLAPS = """() => {
  const parts = [...document.querySelectorAll("header, section, footer")];
  const boxes = parts.map((e) => e.getBoundingClientRect());
  return boxes.filter((box, i) => i && box.top < boxes[i - 1].bottom - 0.5).length;
}"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return made(tmp_path_factory.mktemp("project"), 60, ("demo", "long"))


def made(folder: Path, questions: int, runs: tuple[str, ...]) -> str:
    out = folder / "index.html"
    report(FIXTURE["make_results"](folder / "results", questions, runs), list(runs), out, PROJECT)
    return out.as_uri()


def opened(browser: "sync_api.Browser", url: str, width: int = 1280, **context: str) -> "sync_api.Page":
    page = browser.new_page(viewport={"width": width, "height": 900}, **context)
    page.goto(url)
    return page


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_fits_its_width_without_overlap(browser, url, width, locale, theme) -> None:
    page = opened(browser, url, width, locale=locale, color_scheme=theme)
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERLAPS) == 0
    assert page.title() == "demo, long – 벼리늘안전연구원 – QA Loom"
    page.close()


def test_language_follows_the_browser_and_the_button(browser, url) -> None:
    page = opened(browser, url, locale="ko-KR")
    assert "사용해도 되는가?" in page.inner_text("#verdict")
    assert "정확 일치" in page.locator("#scores figure").first.inner_text()
    labels = "all => all.map(one => one.getAttribute('aria-label'))"
    assert page.eval_on_selector_all("#training svg", labels) == ["demo: 학습 손실", "long: 학습 손실"]
    assert page.get_attribute("nav", "aria-label") == "차례"
    page.click("#language")
    assert "Can it be used?" in page.inner_text("#verdict")
    assert "Exact match" in page.locator("#scores figure").first.inner_text()
    assert page.eval_on_selector_all("#scores svg", labels)[0] == "demo: recall, base and tuned"
    page.close()


def test_search_filters_and_sorting(browser, url) -> None:
    page = opened(browser, url, locale="en-US")
    rows = page.locator("#answers tbody tr")
    assert rows.count() == 25
    page.fill("#search", "PROJECT 17")
    assert rows.count() == 1
    page.fill("#search", "no such words")
    assert (rows.count(), page.inner_text("#shown")) == (0, "No answer matches.")
    page.fill("#search", "")
    page.select_option("#part", "unseen")
    assert page.inner_text("#shown") == "1–9 of 9"
    page.select_option("#part", "all")
    page.select_option("#result", "lost")
    assert rows.count() == 0
    page.select_option("#result", "all")
    page.click("#answers [data-sort=question]")
    assert "</script>" in rows.first.inner_text()
    page.click("#answers [data-sort=question]")
    assert "벼리늘" in rows.first.inner_text()
    page.close()


def test_the_ledger_of_facts_is_searched_filtered_and_sorted(browser, url) -> None:
    page = opened(browser, url, locale="en-US")
    rows = page.locator("#facts-table tbody tr")
    assert rows.count() == 25 and "not learned" in rows.first.inner_text()
    page.select_option("#facts-learned", "not_taught")
    assert page.inner_text("#facts-shown") == "1–9 of 9"
    page.select_option("#facts-learned", "contradicted")
    assert rows.count() == 6 and "contradicted by data/a.jsonl:9" in rows.first.inner_text()
    page.select_option("#facts-learned", "all_facts")
    page.fill("#facts-search", "no such words")
    assert (rows.count(), page.inner_text("#facts-shown")) == (0, "No fact matches.")
    page.fill("#facts-search", "project 53")
    assert rows.count() == 1
    page.fill("#facts-search", "")
    page.click("#facts-table [data-sort=trained]")
    assert rows.first.locator("td").nth(1).inner_text() == ""
    page.click("#language")
    assert "학습한 표현" in page.inner_text("#facts-table thead")
    page.close()


def test_works_by_keyboard(browser, url) -> None:
    page = opened(browser, url, locale="en-US")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.focus("#rows summary")
    page.keyboard.press("Enter")
    assert page.locator("#rows details[open]").count() == 1
    page.focus("#next")
    page.keyboard.press("Enter")
    assert page.inner_text("#shown").startswith("26–50")
    page.close()


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (400, "dark")])
def test_axe_finds_nothing(browser, url, width, theme) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = opened(browser, url, width, locale="ko-KR", color_scheme=theme)
    assert [found["id"] for found in axe.Axe().run(page).response["violations"]] == []
    page.close()


def test_ten_thousand_answers_open_and_filter_quickly(browser, tmp_path) -> None:
    url, start = made(tmp_path, 10_000, ("demo",)), time.monotonic()
    page = opened(browser, url, locale="en-US")
    page.wait_for_selector("#answers tbody tr")
    assert time.monotonic() - start < 3
    took = page.evaluate("""() => {
      const start = performance.now(), search = document.getElementById("search");
      search.value = "project 77";
      search.dispatchEvent(new Event("input", { bubbles: true }));
      document.body.offsetHeight;
      return performance.now() - start;
    }""")
    assert took < 200
    page.close()


def test_no_script_of_a_row_runs_and_no_request_leaves(browser, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(FIXTURE["make_results"].__globals__, "NASTY", " ".join(HOSTILE))
    page, called, asked = browser.new_page(), [], []
    page.on("dialog", lambda dialog: (called.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(made(tmp_path, 60, ("demo",)))
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    for box, word in (("#search", "script"), ("#search", "{{ 7 * 7 }}"), ("#facts-search", "onerror")):
        page.fill(box, word)
    page.fill("#search", "javascript")
    page.locator("#answers").get_by_text("more characters").first.click()
    for text in (SCRIPTS[0], "{{ 7 * 7 }}"):
        sync_api.expect(page.locator("#answers")).to_contain_text(text)
    assert called == [] and page.title() == "demo – 벼리늘안전연구원 – QA Loom"
    assert [url for url in asked if not url.startswith("file:")] == []
    assert page.locator(":is(iframe, base, img, link[rel=stylesheet], a[href^=java])").count() == 0
    page.close()

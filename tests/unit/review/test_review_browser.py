"""The review page in a real browser: decisions of all kinds by keyboard, its server killed in the middle, a rerun."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hostile import SCRIPTS
from reviewed_project import (
    CORRECTED,
    FAILED,
    NOON,
    OPEN,
    OTHERS,
    QUOTED,
    UNCLEAR,
    decisions_of,
    identity,
    project_to_review,
    run_data_stages,
)

from qaloom.decisions import decision_note, read_decisions
from qaloom.files import read_lines
from qaloom.records import Rejection, Row

pytestmark = pytest.mark.slow
sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

THINGS = "가야금 나침반 다기 라디오 망원경 바이올린 사진기 자전거 천막 카누 타자기 풍금"
MORE = [
    (f"{thing} 보관실의 열쇠는 누가 갖고 있나요?", f"{thing} 담당 {n}호 대리")
    for n, thing in enumerate(THINGS.split(" "))
]
LOOKS = [("en-US", 1280, "dark"), ("en-US", 400, "light"), ("ko-KR", 1280, "light"), ("ko-KR", 400, "dark")]
HANGUL_A = "new KeyboardEvent('keydown', {key: 'ㅁ', code: 'KeyA', bubbles: true})"
WORDS = {
    "en-US": ("Approve", "These rows ask the same and answer differently", "Merge"),
    "ko-KR": ("승인", "같은 것을 묻는데 답이 서로 다릅니다", "병합"),
}


@contextmanager
def served(project: Path, port: int = 0) -> Iterator[tuple[str, subprocess.Popen]]:
    """`qaloom review` as a person starts it: its address, and its process, which may be killed."""
    command = [
        sys.executable,
        "-m",
        "qaloom.review",
        "--project",
        str(project),
        "--port",
        str(port),
        "--user",
        "kim",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield re.search(r"http://[^;\s]+", process.stderr.readline())[0], process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def opened(browser, url: str, width: int = 1280, **context: str) -> "sync_api.Page":
    page = browser.new_page(viewport={"width": width, "height": 900}, **context)
    page.goto(url)
    page.wait_for_selector("#card:not([hidden]), #end:not([hidden])")
    return page


def question(page) -> str:
    return page.locator("#sides h2").first.inner_text()


def violations(page) -> list[str]:
    return [f"{one['id']}: {one['help']}" for one in axe.Axe().run(page).response["violations"]]


class Person:
    """Decides by keyboard, and waits until each decision stands in the file."""

    def __init__(self, page, project: Path):
        self.page, self.project, self.lines = page, project, 0

    def decides(self, *keys: str) -> dict:
        """The line that these keys append; what begins with = is typed as a text."""
        for key in keys:
            if key.startswith("="):
                self.page.keyboard.type(key[1:])
            else:
                self.page.keyboard.press(key)
        self.lines += 1
        path = self.project / "data/decisions.jsonl"
        for _ in range(200):
            if path.is_file() and path.read_bytes().count(b"\n") == self.lines:
                self.page.evaluate("work.then(() => null)")  # the page has shown it, too
                return decisions_of(self.project)[-1]
            self.page.wait_for_timeout(20)
        raise AssertionError(f"no line {self.lines}: {self.page.inner_text('body')}")

    def edits(self, answer: str) -> dict:
        self.page.keyboard.press("e")
        self.page.wait_for_selector("#edit-answer")
        return self.decides("Tab", "Control+a", f"={answer}", "Control+Enter")

    def merges(self, text: str) -> dict:
        self.page.keyboard.press("m")
        self.page.wait_for_selector("#choices li")
        self.page.keyboard.type(text)
        sync_api.expect(self.page.locator("#choices li")).to_have_count(1)
        return self.decides("Enter")


def test_twenty_decisions_by_keyboard_hold_over_a_kill_and_a_rerun(browser, tmp_path):
    project = project_to_review(tmp_path / "project", MORE)
    with served(project) as (url, process):
        page = opened(browser, url, locale="ko-KR")
        person = Person(page, project)
        page.keyboard.press("2")
        page.keyboard.press("n")
        dropped = person.decides("=지난 시간표", "Enter", "d")
        assert (dropped["why"], dropped["by"]) == ("지난 시간표", "kim")
        assert person.decides("a")["id"] == identity(UNCLEAR)
        assert person.edits("별관 3층")["answer"] == "별관 3층"
        assert person.decides("a")["id"] == identity(CORRECTED)
        assert person.decides("d")["id"] == identity(QUOTED)
        assert person.decides("u")["action"] == "undo" and question(page) == QUOTED[0]
        assert person.decides("a")["id"] == identity(QUOTED)
        assert person.merges("head of")["into"] == identity(OTHERS[1])
        assert person.decides("a")["id"] == identity(OTHERS[1])
        for key in "ad":
            person.decides(key)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before, at = decisions_of(project), question(page)
        page.keyboard.press("a")
        sync_api.expect(page.locator("#trouble")).to_contain_text("서버가 응답하지 않아")
        assert question(page) == at
    with served(project, int(url.rpartition(":")[2])):
        person.decides("a")
        assert decisions_of(project)[:-1] == before and len(before) == 11
        person.merges(MORE[0][1])
        person.edits("M 대리")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        for key in "addaad":
            person.decides(key)
        assert len(decisions_of(project)) == 20
        page.reload()
        page.wait_for_selector("#end:not([hidden]), #card:not([hidden])")
        hold(project)
        sync_api.expect(page.locator("#kinds button").first).to_have_attribute("aria-pressed", "true")
        page.reload()
        page.wait_for_selector("#end:not([hidden]), #card:not([hidden])")
        assert page.locator(".notice").count() == 0
        page.close()


def hold(project: Path) -> None:
    """Run the data stages; each decision in force is what became of its row."""
    texts = {
        identity(pair): pair for pair in (OPEN, NOON, UNCLEAR, FAILED, QUOTED, *OTHERS, *MORE, CORRECTED)
    }
    in_force = read_decisions(project / "data/decisions.jsonl").in_force
    assert {one.action for one in in_force.values()} == {"approve", "edit", "drop", "merge"}
    stats = run_data_stages(project)
    assert stats["decisions_not_applied"] == [] and sum(stats["decisions"].values()) == len(in_force)
    rows = {
        (row.instruction, row.output): row for row in read_lines(project / "results/dedup/rows.jsonl", Row)
    }
    gone = {item.id: item for item in read_lines(project / "results/validate/rejected.jsonl", Rejection)}
    for one in in_force.values():
        if one.action == "edit":
            assert decision_note(rows[one.question, one.answer])["original"] == one.id
            assert texts[one.id] not in rows
        elif one.action == "approve":
            assert decision_note(rows[texts[one.id]])["action"] == "approve"
        else:
            reason = {"drop": "dropped_by_review", "merge": "merged_by_review"}[one.action]
            assert gone[one.id].reason == reason and texts[one.id] not in rows


def test_in_both_languages_widths_and_themes_it_is_accessible_and_fits(browser, tmp_path):
    with served(project_to_review(tmp_path / "project")) as (url, _):
        for locale, width, theme in LOOKS:
            page = opened(browser, url, width, locale=locale, color_scheme=theme)
            approve, contradiction, merge = WORDS[locale]
            assert page.inner_text("[data-act=approve]").startswith(approve)
            assert page.inner_text("#kind") == contradiction and page.locator("mark").count() == 5
            assert page.evaluate("document.activeElement.id") == "card"
            for key, there in (("", "#card"), ("e", "#edit-answer"), ("Escape", "h2"), ("m", "#choices li")):
                if key:
                    page.keyboard.press(key)
                page.wait_for_selector(there)
                assert key == "Escape" or violations(page) == []
                assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.keyboard.press("Escape")
            assert page.inner_text("[data-act=merge]").startswith(merge)
            page.click("#language")
            sync_api.expect(page.locator("#kind")).not_to_have_text(contradiction)
            page.close()


def test_a_korean_keyboard_decides_and_no_script_of_a_row_runs(browser, tmp_path):
    """In Hangul the key A types ㅁ; its place counts. What rows hold is text."""
    project = project_to_review(tmp_path / "project", [(f"{text} 무엇인가요?", text) for text in SCRIPTS[:5]])
    with served(project) as (url, _):
        page, called = opened(browser, url, locale="ko-KR"), []
        page.on("dialog", lambda dialog: (called.append(dialog.message), dialog.dismiss()))
        for n in range(1, 12):
            page.evaluate(f"document.activeElement.dispatchEvent({HANGUL_A})")
            for _ in range(100):
                if (project / "data/decisions.jsonl").is_file() and len(decisions_of(project)) == n:
                    break
                page.wait_for_timeout(20)
        assert len(decisions_of(project)) == 11 and called == []
        assert page.locator("main :is(img, svg, iframe, a[href])").count() == 0
        page.close()

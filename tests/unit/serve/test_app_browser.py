"""The chat page in a real browser: a question typed, the answers streamed, the sources named, by everyone."""

import pytest
from chat_servers import serving
from hostile import SCRIPTS, TEMPLATES

from qaloom.serve.access import access_to

pytestmark = pytest.mark.slow
sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

WORDS = {
    "en-US": ("Ask", "Stop", "Nearest training rows", "line 3", "Tuned model"),
    "ko-KR": ("질문하기", "중지", "가장 가까운 학습 데이터", "3행", "튜닝한 모델"),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("split"), pause=0.1) as all_three:
        yield all_three


def opened(browser, url: str, width: int = 1280, **context: str) -> "sync_api.Page":
    page = browser.new_page(viewport={"width": width, "height": 900}, **context)
    page.goto(url)
    sync_api.expect(page).to_have_title("demo – QA Loom")
    return page


def ask(page, question: str) -> None:
    page.fill("#question", question)
    page.press("#question", "Enter")


def serious(page) -> list[str]:
    found = axe.Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['help']}" for one in found if one["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("locale", list(WORDS))
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_question_is_answered_by_both_and_the_rows_named(browser, served, width, locale, theme):
    page = opened(browser, served[0], width, locale=locale, color_scheme=theme)
    send, stop, rows, line, tuned = WORDS[locale]
    assert page.inner_text("#send") == send
    assert serious(page) == []
    ask(page, "본원의 주소는 어디인가요? 그리고 도서관은?")
    sync_api.expect(page.locator(".tuned p")).to_contain_text("tuned: 본원의")
    assert "도서관은" not in page.inner_text(".tuned p"), "the answer came whole, not word by word"
    assert page.inner_text("#send") == stop
    page.wait_for_selector(".rows li")
    sync_api.expect(page.locator("#send")).to_have_text(send)
    assert page.inner_text(".tuned p") == "tuned: 본원의 주소는 어디인가요? 그리고 도서관은?"
    assert page.inner_text(".plain p").startswith("base: 본원의")
    assert page.inner_text(".tuned h3") == tuned
    assert page.inner_text(".rows h3") == rows
    assert page.locator(".rows .warning").count() == page.locator(".tuned .copy").count() == 1
    assert page.locator(".rows code").first.inner_text() == f"qa/office.jsonl {line}"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious(page) == []
    page.close()


def test_an_example_is_asked_by_a_click(browser, served):
    page = opened(browser, served[0], locale="en-US")
    example = page.locator("#examples button").first
    question = example.inner_text()
    example.click()
    sync_api.expect(page.locator("h2")).to_have_text(question)
    assert not page.locator("#examples").is_visible()
    page.close()


@pytest.mark.parametrize(
    ("locale", "width", "words"),
    [
        (
            "en-US",
            1280,
            ("Wrong? Write the right answer", "Save for review", "Saved in review/corrections.jsonl"),
        ),
        (
            "ko-KR",
            400,
            ("틀린 답 고치기", "검토용으로 저장", "검토할 수 있게 review/corrections.jsonl에 저장했습니다"),
        ),
    ],
)
def test_a_wrong_answer_is_corrected_by_keyboard(browser, served, locale, width, words):
    page = opened(browser, served[0], width, locale=locale)
    opener, save, kept = words
    ask(page, "도서관은 언제 여나요?")
    page.get_by_role("button", name=opener).press("Enter")
    page.keyboard.type("수정 중")
    page.keyboard.press("Escape")
    assert page.locator("form.correction").count() == 0
    assert page.evaluate("document.activeElement.textContent") == opener
    page.keyboard.press("Enter")
    page.keyboard.type("평일 9시 30분부터\n17시까지")
    assert serious(page) == []
    assert page.get_by_role("button", name=save).is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("Control+Enter")
    sync_api.expect(page.locator(".tuned .note")).to_contain_text(kept)
    assert page.locator("form.correction").count() == 0 and serious(page) == []
    page.click("#language")
    sync_api.expect(page.locator(".tuned .note")).not_to_contain_text(kept)
    page.close()


def test_the_button_stops_an_answer(browser, served):
    page, cut = opened(browser, served[0], locale="en-US"), served[1].given_up
    ask(page, "word " * 100)
    sync_api.expect(page.locator(".tuned p")).to_contain_text("word word")
    page.click("#send")
    sync_api.expect(page.locator("#send")).to_have_text("Ask")
    assert page.locator(".tuned .note").inner_text() == "Stopped."
    for _ in range(100):
        if served[1].given_up > cut:
            break
        page.wait_for_timeout(50)
    assert served[1].given_up > cut
    page.close()


def test_the_language_changes_with_what_is_there_and_is_kept(browser, served):
    page = opened(browser, served[0], locale="en-US")
    ask(page, "본원 주소는?")
    page.wait_for_selector(".rows li")
    page.click("#language")
    assert page.inner_text(".rows h3") == "가장 가까운 학습 데이터"
    assert page.locator(".rows .warning").count() == page.locator(".tuned .copy").count() == 1
    assert page.locator(".rows code").first.inner_text().endswith("행")
    assert page.evaluate("document.documentElement.lang") == "ko"
    page.reload()
    assert page.inner_text("#send") == "질문하기"
    page.close()


def test_by_keyboard_alone_and_what_a_person_wrote_is_text(browser, served):
    page = opened(browser, served[0], locale="en-US")
    assert page.evaluate("document.activeElement.id") == "question"
    page.keyboard.type("<img src=x onerror=document.title='broken'> &amp;")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    page.keyboard.press("Enter")
    page.wait_for_selector(".rows li")
    assert page.locator("img").count() == 0
    assert page.inner_text("h2") == "<img src=x onerror=document.title='broken'> &amp;\ntwo"
    page.close()


def test_a_server_that_is_gone_is_said_to_be(browser, tmp_path):
    with serving(tmp_path) as (url, _, _):
        page = opened(browser, url, locale="en-US")
    ask(page, "a")
    page.wait_for_selector(".tuned .warning")
    assert page.inner_text(".tuned .warning") == "The server does not answer. Is it still running?"
    page.close()


def test_a_server_with_a_key_asks_for_it_once_and_a_citation_opens_its_row(browser, tmp_path):
    with serving(tmp_path, access=access_to("127.0.0.1", "a-key"), grounded=True) as (url, tuned, _):
        tuned.says = "가람시 솔내구 물빛로 27입니다."
        page, asked = browser.new_page(locale="ko-KR"), []
        answers = iter(["wrong", "a-key"])
        page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept(next(answers))))
        page.goto(url)
        sync_api.expect(page).to_have_title("demo – QA Loom")
        assert asked == ["이 서버의 API 키"] * 2
        ask(page, "본원 주소는?")
        page.get_by_role("button", name="데이터 1: 본원의 주소는 어디인가요?").click()
        row = page.locator(".rows details[open]")
        sync_api.expect(row).to_contain_text("guide.pdf, 4쪽")
        assert row.locator("blockquote").inner_text() == "본원은 가람시 솔내구 물빛로 27에 있습니다."
        assert page.locator(".rows .warning").count() == 0 and serious(page) == []
        ask(page, "무지개도서관은 언제 여나요?")
        sync_api.expect(page.locator(".tuned p").last).to_have_text("문서에서 확인할 수 없습니다.")
        page.reload()
        sync_api.expect(page).to_have_title("demo – QA Loom")
        assert len(asked) == 2
        page.close()


def test_no_script_of_a_question_or_an_answer_runs(browser, served):
    """Each is said back by both models and looked up among the rows; nothing leaves the page."""
    page, called, asked = opened(browser, served[0], locale="en-US"), [], []
    page.on("dialog", lambda dialog: (called.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    for text in SCRIPTS + TEMPLATES:
        ask(page, text)
        sync_api.expect(page.locator("#send")).to_have_text("Ask")
        assert page.locator("h2").last.inner_text().split() == text.split()
        assert page.locator(".tuned p").last.inner_text().split() == ["tuned:", *text.split()]
    assert called == [] and page.title() == "demo – QA Loom"
    assert {url.split("/")[2] for url in asked} == {served[0].split("/")[2]}
    assert page.locator("#talk :is(img, svg, iframe, base, link, meta, a[href])").count() == 0
    page.close()

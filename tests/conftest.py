"""Tests side by side, and a real browser for tests of a page."""

from collections.abc import Iterator
from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:  # noqa: F821
    """Chromium, without a window."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed (apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `-n`: one process for a file, whose fixtures are its own, and for all tests of the finished project.

    The workflow comes first, as it takes longest.
    """
    if not hasattr(config, "workerinput"):
        return
    items.sort(key=lambda item: "workflow" not in item.path.parts)
    for item in items:
        shared = "first_run" in getattr(item, "fixturenames", ())
        group = "finished project" if shared else f"{item.path.parent.name}/{item.path.stem}"
        item.add_marker(pytest.mark.xdist_group(group))

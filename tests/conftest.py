"""Tests side by side, and a real browser for tests of a page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A machine with other work is no failure; what else holds (in CI, the same examples each time) stays.
settings.register_profile("untimed", parent=settings.default, deadline=None)
settings.load_profile("untimed")

# Tests that copy the finished project (tests/workflow/conftest.py), which takes a minute to make.
FINISHED = ("test_reruns.py", "test_exports.py", "test_kubernetes.py", "test_slurm.py")
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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `-n`, what takes longest comes first: the finished project's tests, then the workflow's others."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: (item.path.name not in FINISHED, "workflow" not in item.path.parts))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n`, a file's tests stay in one process, as their fixtures do, and so do the finished project's."""
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "finished project" if Path(file).name in FINISHED else file

    return Together(config, log)

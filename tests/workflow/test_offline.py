"""A bundle is unpacked, installed and run where there is no network: a namespace without a route."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness import ROOT

pytestmark = pytest.mark.slow
# Enough to install the program, start it and read the demo; the whole bundle is 3.6 GB (docs/cluster.md).
SMALL = (
    "uv", "hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers", "editables",
    "typer", "click", "shellingham", "rich", "markdown-it-py", "mdurl", "pygments", "typing-extensions",
    "msgspec", "rapidfuzz", "jsonschema", "attrs", "referencing", "rpds-py", "jsonschema-specifications", "pyyaml",
    "annotated-doc", "pydantic", "pydantic-core", "typing-inspection", "annotated-types", "psutil",
    "charset-normalizer", "ftfy", "wcwidth", "pyspellchecker",
)  # fmt: skip


def small_lock(path: Path) -> Path:
    """The lock's entries for the packages above, hashes and all."""
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    entries = re.findall(
        r"^(?:[a-z0-9].*\\\n)(?:.*\\\n)*.*$", re.sub(r"^ *#.*\n", "", lock, flags=re.M), re.M
    )
    wanted = [entry for entry in entries if re.match(r"[a-z0-9._-]+", entry)[0] in SMALL]
    path.write_text("\n".join(wanted) + "\n", "utf-8")
    return path


def without_network(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a shell command with nothing but the loopback interface, an empty home and the system's Python."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    python = Path(sys.executable).resolve().parent
    environment = {"HOME": str(home), "LANG": "C.UTF-8", "PATH": f"{python}:/usr/local/bin:/usr/bin:/bin"}
    isolated = ["unshare", "--map-root-user", "--net", "bash", "-c", command]
    return subprocess.run(isolated, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def no_route(tmp_path):
    if without_network("true", tmp_path).returncode:
        pytest.skip("no network namespace can be made here (unshare)")
    routes = without_network("cat /proc/net/route", tmp_path).stdout.splitlines()
    assert len(routes) <= 1, "the heading alone"


@pytest.fixture(scope="module")
def tar(tmp_path_factory):
    """A bundle of few packages."""
    folder = tmp_path_factory.mktemp("bundle")
    command = [sys.executable, "-m", "qaloom.workflow.bundle", folder / "qaloom-offline.tar"]
    command += ["--lock", small_lock(folder / "small.lock")]
    packed = subprocess.run(command, capture_output=True, text=True)
    assert packed.returncode == 0, packed.stderr
    return folder / "qaloom-offline.tar"


def test_install_and_first_stage_without_a_network(tmp_path, no_route, tar):
    done = without_network(f"tar -xf {tar} && make -C qaloom-offline setup", tmp_path)
    assert done.returncode == 0, done.stderr
    project = tmp_path / "qaloom-offline"
    read = without_network(
        "cd qaloom-offline && .venv/bin/python -m qaloom.validate data/demo/*.jsonl --out results/validate",
        tmp_path,
    )
    assert read.returncode == 0, read.stderr
    assert (project / "results/validate/rows.jsonl").stat().st_size > 10_000
    again = without_network("make -C qaloom-offline setup", tmp_path)
    assert (again.returncode, again.stderr) == (0, "")


def test_a_missing_wheel_is_a_failure(tmp_path, no_route, tar):
    """Nothing is taken from elsewhere when the bundle does not hold it."""
    done = without_network(
        f"tar -xf {tar} && rm qaloom-offline/wheels/msgspec-* && make -C qaloom-offline setup", tmp_path
    )
    assert done.returncode != 0
    assert "msgspec" in done.stderr

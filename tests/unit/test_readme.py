"""The two READMEs say the same, and what they name is there."""

import json
import re
from pathlib import Path

import pytest
import yaml

from qaloom.config.load import complete
from qaloom.validate.fields import Shaped, shape

PROJECT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.ko.md")
PAGES = (
    *READMES, "ARCHITECTURE.md", "CONTRIBUTING.md", "data/README.md", "results/README.md",
    "docs/data.md", "docs/setup.md", "docs/licences.md",
)  # fmt: skip
TEXTS = {name: (PROJECT / name).read_text("utf-8") for name in PAGES}
ENGLISH, KOREAN = (TEXTS[name] for name in READMES)
DATA = TEXTS["docs/data.md"]
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:home|root|work|tmp|mnt|Users|opt|var)/")
# Links lead to public projects alone: whoever installs chooses the package index.
OTHER_HOST = re.compile(r"https?://(?!github\.com/)|index-url|localhost")


def blocks(text: str) -> list[tuple[str, str]]:
    """(language, content) of every fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def outline(text: str) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", prose(text), re.MULTILINE)]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row."""
    return [line.strip("|").split("|") for line in prose(text).splitlines() if line.startswith("|")]


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)]+)\)", prose(text))


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


# --- the same in both languages -----------------------------------------------------------------------


def test_the_same_headings_in_the_same_order() -> None:
    assert outline(ENGLISH) == outline(KOREAN)


def test_the_same_code_blocks_in_the_same_order() -> None:
    assert blocks(ENGLISH) == blocks(KOREAN)


def test_the_same_links_in_the_same_order() -> None:
    def common(text: str) -> list[str]:
        return [link for link in links(text) if link not in READMES]

    assert common(ENGLISH) == common(KOREAN)


def test_tables_of_the_same_size() -> None:
    assert [len(cells) for cells in rows(ENGLISH)] == [len(cells) for cells in rows(KOREAN)]


def test_the_same_names() -> None:
    """Every file, key and command set in code type is in both."""

    def named(text: str) -> set[str]:
        return set(re.findall(r"`([^`\n]+)`", prose(text)))

    assert named(ENGLISH) == named(KOREAN)


def test_korean_is_korean() -> None:
    text = re.sub(r"`[^`]+`|\([^)]*\)", "", prose(KOREAN))
    hangul, latin = (len(re.findall(letters, text)) for letters in ("[가-힣]", "[A-Za-z]"))
    assert hangul > 2 * latin


# --- what they name is there --------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_relative_links_lead_somewhere(name: str) -> None:
    folder = (PROJECT / name).parent
    for link in links(TEXTS[name]):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        path = folder / target if target else PROJECT / name
        assert path.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", prose(path.read_text("utf-8")), re.MULTILINE)
            assert anchor in map(slug, headings), link


@pytest.mark.parametrize("name", READMES)
def test_every_make_target_is_in_the_makefile(name: str) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE))
    code = [content for language, content in blocks(TEXTS[name]) if not language]
    code += re.findall(r"`([^`]+)`", prose(TEXTS[name]))
    named = {target for text in code for target in re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)}
    assert {"run", "test", "setup", "ask"} <= named <= targets


@pytest.mark.parametrize("name", READMES)
def test_every_config_named_in_a_command_is_there(name: str) -> None:
    for _, content in blocks(TEXTS[name]):
        for path in re.findall(r"(?:CONFIG=|cp )((?:config|data)/\S+)", content):
            assert (PROJECT / path).is_file(), path


@pytest.mark.parametrize("name", PAGES)
def test_no_path_of_a_machine_and_no_registry(name: str) -> None:
    assert not MACHINE_PATH.search(TEXTS[name])
    assert not OTHER_HOST.search(TEXTS[name])


# --- the examples work --------------------------------------------------------------------------------


def test_example_rows_are_read_as_rows() -> None:
    lines = [
        line
        for language, content in blocks(ENGLISH + DATA)
        if language == "json"
        for line in content.splitlines()
        if '"reason"' not in line
    ]
    assert len(lines) >= 8
    for line in lines:
        assert isinstance(shape(json.loads(line), line.encode()), Shaped), line


def test_example_configurations_are_valid() -> None:
    texts = [content for language, content in blocks(ENGLISH) if language == "yaml"]
    assert texts
    for text in texts:
        complete(yaml.safe_load(text))


def test_the_table_of_faults_counts_them_all() -> None:
    faults = json.loads((PROJECT / "tests/data/faults.json").read_text("utf-8"))
    counted: dict[str, int] = {}
    for cells in rows(DATA):
        kind = re.match(r" `(\w+)`: ", cells[0])
        if kind and cells[1].strip().isdigit():
            counted[kind[1]] = counted.get(kind[1], 0) + int(cells[1])
    assert counted == {kind: sum(f["kind"] == kind for f in faults) for kind in {f["kind"] for f in faults}}
    assert f"{len(faults)} lines that are wrong on purpose" in DATA


def test_the_rejected_row_that_is_shown_is_the_demos() -> None:
    (line,) = (content for language, content in blocks(DATA) if language == "json" and '"reason"' in content)
    shown = json.loads(line)
    source = (PROJECT / shown["source"]).read_text("utf-8").split("\n")[shown["line"] - 1]
    assert json.loads(source) == shown["row"]


# --- the map of the code -------------------------------------------------------------------------------


def test_the_readmes_are_short() -> None:
    assert all(len(text.splitlines()) <= 200 for text in (ENGLISH, KOREAN))


def test_every_module_that_the_architecture_names_is_there() -> None:
    text = TEXTS["ARCHITECTURE.md"]
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_.0-9]+)`", text)
    assert len(named) > 20
    places = (PROJECT, PROJECT / "scripts" / "qaloom")
    missing = [path for path in named if not any((place / path).exists() for place in places)]
    assert [path for path in missing if not path.startswith(("results/", "logs/", "cache/"))] == []


def test_every_module_is_in_the_architecture() -> None:
    library = PROJECT / "scripts" / "qaloom"
    listed: dict[str, set[str]] = {}
    for package, modules in re.findall(
        r"^\| `([a-z_.]+)`[^|]*\|(.*)\|$", TEXTS["ARCHITECTURE.md"], re.MULTILINE
    ):
        listed.setdefault(package, set()).update(re.findall(r"`([a-z_0-9]+)`", modules))
    for folder in {path.parent for path in library.rglob("__init__.py")} - {library}:
        modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__", "stage"}
        assert modules <= listed[".".join(folder.relative_to(library).parts)], folder.name


def test_every_file_of_the_repository_that_a_page_names_is_there() -> None:
    pages = {
        path: path.read_text("utf-8") for path in (*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md"))
    }
    named = [
        (page.name, path)
        for page, text in pages.items()
        for path in re.findall(r"\b(?:scripts/qaloom|tests|benchmarks)/[a-z_/]+\.(?:py|yaml|jsonl)", text)
    ]
    assert len(named) > 30
    assert [one for one in named if not (PROJECT / one[1]).is_file()] == []

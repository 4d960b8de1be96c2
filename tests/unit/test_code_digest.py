"""The code digest: what the code does, in every module it reaches, and nothing else."""

import textwrap

import pytest

from qaloom.code_digest import _reached, code_digest

SCRIPT = "from qaloom.one import f\n\nf()\n"
LIBRARY = {
    "one": "from qaloom import two\n\n\ndef f():\n    return two.g(1)\n",
    "two": "def g(x):\n    from qaloom.three import h\n    return h(x)\n",
    "three": "import qaloom.console as job\n\nh = abs\n",
    "job": "def say(line):\n    print(line)\n",
    "alone": "nothing = 1\n",
}


@pytest.fixture
def digest_of(tmp_path_factory):
    """Digest of a script with a library in which the modules given are other than above."""

    def digest_of(script=SCRIPT, assets=(), **modules):
        library = tmp_path_factory.mktemp("library")  # a new one each time: files are read once a process
        for name, text in (LIBRARY | modules).items():
            (library / f"{name}.py").write_text(textwrap.dedent(text))
        start = library / "script.txt.py"
        start.write_text(script)
        paths = [library / f"asset{n}.css" for n, _ in enumerate(assets)]
        for path, text in zip(paths, assets, strict=True):
            path.write_text(text)
        return code_digest(start, *paths, library=library)

    return digest_of


def test_comments_docstrings_and_layout_do_not_count(digest_of):
    one = '''
        """What it is."""
        from qaloom import two


        def f():
            """Return g.

            Really."""
            # another reason
            return (
                two.g( 1 )
            )
        '''
    assert digest_of(one=one) == digest_of()


def test_a_function_of_a_docstring_alone_is_one_that_passes(digest_of):
    assert digest_of(one='def f():\n    """Later."""\n') == digest_of(one="def f():\n    pass\n")


@pytest.mark.parametrize(
    "change",
    [
        {"script": SCRIPT + "f()\n"},
        {"one": LIBRARY["one"].replace("1", "2")},
        {"two": LIBRARY["two"].replace("h(x)", "h(x) + 1")},
        {"three": LIBRARY["three"].replace("abs", "str")},
        {"one": LIBRARY["one"].replace("f()", "f(a=1)")},
    ],
)
def test_a_change_in_a_reached_module_counts(digest_of, change):
    assert digest_of(**change) != digest_of()


def test_a_string_that_is_no_docstring_counts(digest_of):
    assert digest_of(alone="a = 1", one="def f(a='x'): 'doc'\n") != digest_of(one="def f(a='y'): 'doc'\n")


def test_unreached_and_silent_modules_do_not_count(digest_of):
    assert digest_of(alone="nothing = 2\n") == digest_of()
    assert digest_of(job="def say(line):\n    raise SystemExit\n") == digest_of()


@pytest.mark.parametrize(
    "statement",
    [
        "import qaloom.alone",
        "from qaloom.alone import nothing",
        "from qaloom import alone",
        "import qaloom.alone as a",
    ],
)
def test_every_form_of_import_counts(digest_of, statement):
    script = f"{SCRIPT}def late():\n    {statement}\n"
    assert digest_of(script) != digest_of(script, alone="nothing = 2\n")


def test_modules_that_import_each_other_end(digest_of):
    assert digest_of(two="import qaloom.one\n") != digest_of()


def test_assets_count_by_their_bytes(digest_of):
    assert digest_of(assets=["a {}"]) == digest_of(assets=["a {}"])
    assert digest_of(assets=["a {}"]) != digest_of(assets=["a {} /* comment */"])
    assert digest_of(assets=["a", "b"]) != digest_of(assets=["b", "a"])


def test_every_rules_script_reaches_its_own_module():
    from qaloom.code_digest import LIBRARY as folder

    of_others = {
        "validate_file": "validate/stage.py",
        "augment_questions": "augment/providers.py",
        "augment_shard": "augment/providers.py",
        "convert": "export/convert.py",
        "parity": "export/parity.py",
        "memory_check": "evaluate/memory_check.py",
    }
    scripts = list(folder.parent.glob("*.py"))
    assert len(scripts) >= 8
    for script in scripts:
        reached = {str(path.relative_to(folder)) for path in _reached((script,), folder)}
        assert of_others.get(script.stem, f"{script.stem}/stage.py") in reached
        assert not {
            path for path in reached if path.startswith(("console", "errors", "config/", "train/planning/"))
        }


def test_a_moved_module_is_no_change(digest_of):
    moved = digest_of(two=LIBRARY["two"].replace("three", "four"), four=LIBRARY["three"])
    assert moved == digest_of()
    assert digest_of(two=LIBRARY["two"].replace("three", "four"), four="h = str\n") != moved


@pytest.mark.parametrize(
    "talk",
    [
        "    say(f'{x} rows')\n",
        "    say(_line(x))\n",
        "    if x < 0:\n        raise DataError(f'{x} is too few')\n",
    ],
)
def test_log_lines_and_error_texts_do_not_count(digest_of, talk):
    line = "\n\ndef _line(x):\n    return f'{x} {_UNIT}'\n\n\n_UNIT = 'rows'\n"
    other = talk.replace("rows", "lines").replace("few", "many").replace("_line(x)", "'done'")
    spoken = LIBRARY["two"].replace("(x):\n", f"(x):\n{talk}") + line
    assert digest_of(two=spoken) == digest_of(two=LIBRARY["two"].replace("(x):\n", f"(x):\n{other}") + line)


def test_another_type_of_error_and_another_condition_count(digest_of):
    def raising(error, limit):
        talk = f"    if x < {limit}:\n        raise {error}('too few')\n"
        return digest_of(two=LIBRARY["two"].replace("(x):\n", f"(x):\n{talk}"))

    assert len({raising("DataError", 0), raising("ModelError", 0), raising("DataError", 1)}) == 3


def test_the_text_of_another_librarys_error_counts(digest_of):
    def raising(text):
        return digest_of(two=LIBRARY["two"].replace("(x):\n", f"(x):\n    raise ValueError({text!r})\n"))

    assert raising("one") != raising("two")


NO_CHANGE = [
    ("def f(x):\n    return x\n", "def f(x: int) -> str:\n    return x\n"),
    ("def f():\n    x = []\n    return x\n", "def f():\n    x: list[int] = []\n    return x\n"),
    ("def f():\n    x = 1\n", "def f():\n    x: int\n    x = 1\n"),
    ("f = 1\n", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch import Tensor\nf = 1\n"),
    ("f = 1\n", "import math\nfrom os import path as p\nf = 1\n"),
    ("f = 1\n", "f = 1\n_limit = 3\n'the limit'\n"),
]


@pytest.mark.parametrize(("one", "other"), NO_CHANGE)
def test_annotations_and_unused_imports_do_not_count(digest_of, one, other):
    assert digest_of(one=one) == digest_of(one=other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("from math import exp as f\nf(1)\n", "from numpy import exp as f\nf(1)\n"),
        ("import math as m\nm.exp(1)\n", "import cmath as m\nm.exp(1)\n"),
        ("from qaloom.two import g as f\nf(1)\n", "from qaloom.two import h as f\nf(1)\n"),
        ("class A:\n    x: int = 1\n", "class A:\n    x: float = 1\n"),
        ("class A:\n    _x = 1\n", "class A:\n    _x = 2\n"),
        ("@on('a')\ndef _f(): return 1\n", "@on('a')\ndef _f(): return 2\n"),
        (
            "def f():\n    def _g(): return 1\n    return _g\n",
            "def f():\n    def _g(): return 2\n    return _g\n",
        ),
        ("_t = {}\ndel _t\n", "_t = []\ndel _t\n"),
    ],
)
def test_what_may_act_counts(digest_of, one, other):
    assert digest_of(one=one) != digest_of(one=other)


def test_an_asset_need_not_be_text(tmp_path):
    (tmp_path / "icon.png").write_bytes(b"\x89PNG")
    assert len(code_digest(tmp_path / "icon.png")) == 64


def test_the_code_that_trains_counts_for_training():
    """The training is a process of its own, which no import statement has to name."""
    from qaloom.code_digest import LIBRARY as folder

    reached = {str(path.relative_to(folder)) for path in _reached((folder.parent / "train.py",), folder)}
    assert {"train/process.py", "train/sft.py", "train/tokenized.py"} <= reached

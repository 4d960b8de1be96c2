"""The translation memory: kept under what made it, by several jobs at once, whole after anything."""

import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from qaloom.errors import StorageError
from qaloom.inference.translation_cache import open_memory

MAKER = {"weights": "0" * 64, "direction": "ko-en", "beams": 4}


def test_what_was_put_is_found_again(tmp_path):
    with open_memory(tmp_path, MAKER) as memory:
        memory.put({"하나": ["one", "a"], "둘": ["two"]})
        assert (memory.made, memory.found) == (2, 0)
    with open_memory(tmp_path, dict(reversed(MAKER.items()))) as memory:
        assert memory.get(["둘", "하나", "셋", "둘"]) == {"하나": ["one", "a"], "둘": ["two"]}
        assert (memory.made, memory.found) == (0, 2)


def test_another_maker_has_a_memory_of_its_own(tmp_path):
    with open_memory(tmp_path, MAKER) as memory:
        memory.put({"하나": ["one"]})
    with open_memory(tmp_path, MAKER | {"beams": 5}) as memory:
        assert memory.get(["하나"]) == {}


def test_many_texts_are_looked_up_in_parts(tmp_path):
    texts = [f"question {n}" for n in range(1_234)]
    with open_memory(tmp_path, MAKER) as memory:
        memory.put({text: [text.upper()] for text in texts[::2]})
        assert memory.get(texts) == {text: [text.upper()] for text in texts[::2]}


def test_two_jobs_at_once_share_it_and_the_first_word_stands(tmp_path):
    with open_memory(tmp_path, MAKER) as one, open_memory(tmp_path, MAKER) as two:
        one.put({"하나": ["one"]})
        two.put({"하나": ["uno"], "둘": ["two"]})
        assert one.get(["하나", "둘"]) == {"하나": ["one"], "둘": ["two"]}


def test_a_writer_that_is_killed_loses_at_most_the_batch_it_was_writing(tmp_path):
    code = (
        "from itertools import count; from pathlib import Path\n"
        "from qaloom.inference.translation_cache import open_memory\n"
        f"with open_memory(Path({str(tmp_path)!r}), {MAKER!r}) as memory:\n"
        "    for n in count(): memory.put({f'{n} {i}': [str(n)] for i in range(50)}); print(n, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    for _ in range(20):
        process.stdout.readline()
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    last = int((process.communicate()[0].split() or ["19"])[-1])
    with open_memory(tmp_path, MAKER) as memory:
        kept = memory.get(f"{n} {i}" for n in range(last + 2) for i in range(50))
    whole = {text.split()[0] for text in kept}
    assert len(kept) == 50 * len(whole) and len(whole) in (last + 1, last + 2)


def test_a_full_disk_is_one_line_and_what_was_kept_stays(tmp_path):
    with open_memory(tmp_path, MAKER) as memory:
        memory.put({"하나": ["one"]})
        pages = memory._connection.execute("PRAGMA page_count").fetchone()[0]
        memory._connection.execute(f"PRAGMA max_page_count = {pages}")  # SQLite's own full disk
        with pytest.raises(StorageError, match=r"is full; free some space and run again") as caught:
            memory.put({f"{n}": ["x" * 1000] for n in range(100)})
        assert "\n" not in str(caught.value)
        assert memory.get(["하나", "0"]) == {"하나": ["one"]}


@pytest.mark.parametrize("damage", [lambda b: b"no database" * 1000, lambda b: b[: len(b) // 2]])
def test_a_damaged_file_is_moved_aside_and_begun_anew(tmp_path, capsys, damage):
    with open_memory(tmp_path, MAKER) as memory:
        memory.put({f"{n}": ["x" * 1000] for n in range(100)})
    (file,) = tmp_path.glob("*.sqlite")
    file.write_bytes(damage(file.read_bytes()))
    with open_memory(tmp_path, MAKER) as memory:
        assert memory.get(["1"]) == {}
        memory.put({"하나": ["one"]})
        assert memory.get(["하나"]) == {"하나": ["one"]}
    assert capsys.readouterr().err.count("damaged") >= 1 and file.with_suffix(".damaged").is_file()


def test_a_text_with_flipped_bytes_is_made_anew(tmp_path, capsys):
    with open_memory(tmp_path, MAKER) as memory:
        memory.put({"하나": ["one"], "둘": ["two"]})
    (file,) = tmp_path.glob("*.sqlite")
    file.write_bytes(file.read_bytes().replace(b'["one"]', b'["ore"]'))
    with open_memory(tmp_path, MAKER) as memory:
        assert memory.get(["하나", "둘"]) == {"둘": ["two"]}
        assert "1 of its texts are damaged" in capsys.readouterr().err
        memory.put({"하나": ["one"]})
        assert memory.get(["하나", "둘"]) == {"하나": ["one"], "둘": ["two"]}


def test_a_memory_of_a_version_without_checksums_goes_on(tmp_path):
    with open_memory(tmp_path, MAKER) as memory:
        memory.put({"둘": ["two"]})
    (file,) = tmp_path.glob("*.sqlite")
    with sqlite3.connect(file) as old:
        old.execute("DROP TABLE made")
        old.execute("CREATE TABLE made (source TEXT PRIMARY KEY, variants TEXT NOT NULL) WITHOUT ROWID")
        old.execute("INSERT INTO made VALUES ('하나', '[\"one\"]')")
    old.close()
    with open_memory(tmp_path, MAKER) as memory:
        memory.put({"둘": ["two"]})
        assert memory.get(["하나", "둘"]) == {"하나": ["one"], "둘": ["two"]}


def test_it_tells_a_person_what_it_holds(tmp_path):
    with open_memory(tmp_path, MAKER):
        pass
    (file,) = tmp_path.glob("*.sqlite")
    assert "ko-en" in sqlite3.connect(file).execute("SELECT settings FROM maker").fetchone()[0]

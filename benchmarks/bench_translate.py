"""How much batches gain over one text at a time, and whether memory grows with the number of questions.

    python benchmarks/bench_translate.py [--beams 1 4] [--threads 1 2] [--questions 24] [--every 1]
    python benchmarks/bench_translate.py --beams --stream 100000 1000000

Speed: a Marian model of opus-mt's shape (6 + 6 layers, 512 wide, 65,000 tokens) with random weights, on the
CPU: through `qaloom.augment.backtranslation`, and by transformers' generate() for one question after the other with the
same beams, turn about in one process. Random weights seldom end a sentence, so each is ended after one and a
half times its question's tokens, in both ways alike: a translation's length. The questions are the middle
ones of 2,048 sorted by tokens, as augment sorts what it translates. Memory: questions stream through
`qaloom.augment.providers` there and back with the model replaced by one that gives each text back, since only what
we hold is asked; each number in a process of its own. Writes translate.json; the part that a call does not
measure stays there.
"""

import argparse
import itertools
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from records import make_records

from qaloom.config.load import complete
from qaloom.files import read_json, write_json, write_lines

HERE = Path(__file__).parent


def main() -> None:
    """Measure, print and write."""
    arguments = _arguments()
    if arguments.streamed:
        print(json.dumps(_streamed(arguments.streamed)))
        return
    # Memory first: a child's peak is never below its parent's.
    if arguments.stream:
        _write("memory", [_alone(number) for number in arguments.stream])
    rows: list[dict[str, Any]] = []
    for row in _speed(arguments) if arguments.beams else []:
        rows.append(row)
        _write("speed", rows)  # what is measured is kept, whatever comes after
    print((HERE / "translate.json").read_text("utf-8"))


def _write(part: str, rows: list[dict[str, Any]]) -> None:
    """Put one part into translate.json, with how it was measured; the other part stays."""
    file = HERE / "translate.json"
    measured = {
        "command": f"python benchmarks/bench_translate.py {shlex.join(sys.argv[1:])}",
        "load": os.getloadavg()[1],
        "versions": {name: version(name) for name in ("torch", "transformers")},
        "rows": rows,
    }
    write_json(file, (read_json(file) if file.exists() else {}) | {part: measured})


def _arguments() -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--questions", type=int, default=24)
    parser.add_argument("--every", type=int, default=1, help="one by one, take each so many-th by length")
    parser.add_argument("--beams", type=int, nargs="*", default=[1, 4])
    parser.add_argument("--turns", type=int, default=1, help="of so many, the quickest counts")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--stream", type=int, nargs="*", default=[])
    parser.add_argument("--streamed", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def _questions() -> list[str]:
    return list(dict.fromkeys(record["question"] for record in make_records(8_192, seed=5)))[:2_048]


def _middle(number: int, folder: Path) -> list[str]:
    """So many questions of middle length in the tokens of the model in `folder`."""
    from transformers import AutoTokenizer

    questions = _questions()
    tokens = map(len, AutoTokenizer.from_pretrained(folder)(questions)["input_ids"])
    ordered = [question for _, question in sorted(zip(tokens, questions, strict=True))]
    first = (len(ordered) - number) // 2
    return ordered[first : first + number]


def _settings(**seq2seq: Any) -> dict[str, Any]:
    augment = {"providers": ["seq2seq"], "wordings": 2, "seq2seq": seq2seq}
    return complete({"data": {"sources": ["a"]}, "runs": {"one": {}}, "augment": augment})["augment"]


# --- speed --------------------------------------------------------------------------------------------


def _speed(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    import torch

    with tempfile.TemporaryDirectory(prefix="qaloom-bench-") as temporary:
        folder = _opus_shaped(Path(temporary) / "model")
        questions = _middle(arguments.questions, folder)
        ways = {
            "batched": (_translated, questions),
            "one by one": (_one_by_one, questions[arguments.every // 2 :: arguments.every]),
        }
        for threads, beams in itertools.product(arguments.threads, arguments.beams):
            torch.set_num_threads(threads)
            line: dict[str, Any] = {"threads": threads, "beams": beams}
            turns = [
                [translate(folder, asked, beams) for translate, asked in ways.values()]
                for _ in range(arguments.turns)
            ]
            for (way, (_, asked)), runs in zip(ways.items(), zip(*turns, strict=True), strict=True):
                cpu, wall = map(min, zip(*runs, strict=True))
                line[way] = {
                    "questions": len(asked),
                    "cpu_s": round(cpu, 2),
                    "wall_s": round(wall, 2),
                    "per_cpu_s": round(len(asked) / cpu, 3),
                    "per_wall_s": round(len(asked) / wall, 3),
                }
            for clock in ("cpu", "wall"):
                rates = [line[way][f"per_{clock}_s"] for way in ways]
                line[f"times_{clock}"] = round(rates[0] / rates[1], 2)
            print(json.dumps(line), flush=True)
            yield line


def _translated(folder: Path, questions: list[str], beams: int) -> tuple[float, float]:
    """CPU and wall-clock seconds of translating all questions as augment does."""
    from qaloom.augment import backtranslation as translate
    from qaloom.inference.translation_cache import open_memory

    translate.longest = _length
    translator = _translator(folder, beams)
    translator.model  # noqa: B018  read before the clock starts
    with tempfile.TemporaryDirectory(prefix="qaloom-bench-") as memory:
        cpu, wall = time.process_time(), time.perf_counter()
        with open_memory(Path(memory), translator.cache_key) as kept:
            translator.translate(questions, kept, lambda done: None)
        assert kept.made == len(questions)
        return time.process_time() - cpu, time.perf_counter() - wall


def _translator(folder: Path, beams: int) -> Any:
    from qaloom.augment.backtranslation import Translator

    return Translator(folder, "en", "ko", _settings(beams=beams)["seq2seq"], 1)


def _length(source: int) -> int:
    """Tokens of a translation of so many."""
    return 3 * source // 2


def _one_by_one(folder: Path, questions: list[str], beams: int) -> tuple[float, float]:
    """CPU and wall-clock seconds of generate() for each question, as transformers' documents show it."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    cpu, wall = time.process_time(), time.perf_counter()
    for question in questions:
        given = tokenizer(question, return_tensors="pt")
        limit = _length(given["input_ids"].shape[1])
        with torch.inference_mode():
            output = model.generate(**given, num_beams=beams, do_sample=False, max_new_tokens=limit,
                                    early_stopping=beams > 1)  # fmt: skip
        tokenizer.batch_decode(output, skip_special_tokens=True)
    return time.process_time() - cpu, time.perf_counter() - wall


def _opus_shaped(folder: Path) -> Path:
    sys.path.insert(0, str(HERE.parent / "tests" / "data"))
    import make_translators
    import torch
    from transformers import MarianConfig, MarianMTModel

    tokenizer = make_translators._tokenizer(folder, make_translators._sentence_pieces(_questions(), 4_000))
    words = read_json(folder / "vocab.json")
    words |= {f"word{n}": n for n in range(len(words), 65_001)}  # random weights say any of them
    write_json(folder / "vocab.json", words)
    torch.manual_seed(0)
    config = MarianConfig(
        vocab_size=65_001, d_model=512, encoder_layers=6, decoder_layers=6, encoder_attention_heads=8,
        decoder_attention_heads=8, encoder_ffn_dim=2048, decoder_ffn_dim=2048, max_position_embeddings=512,
        scale_embedding=True, pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    MarianMTModel(config).save_pretrained(folder)
    write_json(folder / "manifest.json", {"origin": "random", "sha256": "0" * 64})
    return folder


# --- memory -------------------------------------------------------------------------------------------


def _alone(number: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--streamed", str(number)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _streamed(number: int) -> dict[str, Any]:
    from qaloom.augment import backtranslation as translate
    from qaloom.augment import providers as paraphrase

    class Echo(translate.Translator):
        """A translator of the real flow whose model gives each text back."""

        maker = None

        def __init__(self, folder: Path, source: str, target: str, settings: dict, variants: int):
            super().__init__(folder, source, target, settings, variants)
            self.maker = {"echo": f"{source}-{target}"}

        def _batches(self, texts):
            return iter([list(texts)])

        def _generate(self, texts):
            return {text: [text] for text in texts}

    paraphrase.Translator = Echo
    with tempfile.TemporaryDirectory(prefix="qaloom-bench-") as temporary:
        folder = Path(temporary)
        write_json(folder / "models/m/manifest.json", {"origin": "path:m", "sha256": "0"})
        lines = ({"instruction": f"Where is the reading room number {n}?"} for n in range(number))
        write_lines(folder / "0.jsonl", lines)
        settings = _settings(translators={"any": "path:m"})
        cpu = time.process_time()
        paraphrase.paraphrase(
            folder / "0.jsonl", folder / "out.jsonl", settings, folder / "models", folder / "cache"
        )
        with (folder / "out.jsonl").open("rb") as stream:
            assert sum(1 for _ in stream) == number
        spent = time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"questions": number, "peak_mb": round(peak / 1024), "cpu_s": round(spent, 1)}


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()

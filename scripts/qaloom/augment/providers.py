"""Paraphrases by models: questions in shards by their hash; what a causal model, translators and a server make of them.

What a shard makes depends on its questions and the settings alone, and every text that a model makes is kept
in a translation memory: one row more is one text more, and a killed run goes on where it was.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple

import msgspec
import typer

from qaloom.augment import server_paraphrases
from qaloom.augment.backtranslation import Translator
from qaloom.augment.model_paraphrases import ModelParaphraser, scaled
from qaloom.config.load import load_config
from qaloom.config.settings import RewordingModelSettings, Seq2seqSettings, typed
from qaloom.console import bar, job, say
from qaloom.errors import ConfigError
from qaloom.files import digest
from qaloom.inference import openai_client as endpoint
from qaloom.inference.server_replies import request_fields
from qaloom.inference.translation_cache import TranslationMemory, open_memory
from qaloom.records import Paraphrases, check_handed_over, write_vouched
from qaloom.text.language import language
from qaloom.trained_run import folder_of_base

_AT_ONCE = 2_048  # questions in memory; enough that those of a length fill a batch
_LONGEST = 600  # characters; longer questions are whole paragraphs
_MODELS = ("model", "seq2seq", "endpoint")

Advance = Callable[[int], None]
Propose = Callable[[Sequence[str], Advance], Mapping[str, list[str]]]
Translate = Callable[[Sequence[str], Advance], dict[str, list[str]]]


class QuestionVariants(msgspec.Struct):
    """A line of a shard, or the part of a row that matters here."""

    instruction: str


class Trip(NamedTuple):
    """A round trip: the questions' own language, the pivot, and the models that go there and back."""

    own: str
    pivot: str
    there: str
    back: str


# --- settings -----------------------------------------------------------------------------------------


def model_providers(settings: Mapping[str, Any]) -> list[str]:
    """Those of `augment.providers` that ask a model."""
    return [name for name in settings["providers"] if name in _MODELS]


def trips(settings: Mapping[str, Any]) -> list[Trip]:
    """The round trips that `augment` asks for. Raises ConfigError when a direction has no translator."""
    if "seq2seq" not in settings["providers"]:
        return []
    given = settings["seq2seq"]["translators"]
    found = []
    for own, pivot in sorted(settings["seq2seq"]["pivots"].items()):
        ways = [given.get(way, given.get("any")) for way in (f"{own}-{pivot}", f"{pivot}-{own}")]
        if None in ways:
            raise ConfigError(
                f"augment.seq2seq.translators: the round trip {own}-{pivot}-{own} needs a model for each "
                f"way; name {own}-{pivot} and {pivot}-{own}, or one multilingual model as any"
            )
        found.append(Trip(own, pivot, *ways))
    return found


def references(settings: Mapping[str, Any]) -> list[str]:
    """The models that the settings need, each once: translators, and the model that rewords."""
    translators = {model for trip in trips(settings) for model in (trip.there, trip.back)}
    rewords = {settings["model"]["reference"]} if "model" in settings["providers"] else set()
    return sorted(translators | rewords)


def check_providers(settings: Mapping[str, Any]) -> None:
    """Raise ConfigError when a model, a server or its key is not named; quick."""
    trips(settings)
    if "endpoint" in settings["providers"]:
        endpoint.check_server(settings["endpoint"], server_paraphrases.SECTION)


def decisive(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `augment` that decides the models' proposals: not the gates, nor how a server is reached."""
    found: dict[str, Any] = {"providers": model_providers(settings)}
    if {"seq2seq", "endpoint"} & set(settings["providers"]):
        found["wordings"] = _further(settings)
    if "model" in settings["providers"]:
        found["model"] = settings["model"]
    if "seq2seq" in settings["providers"]:
        found["seq2seq"] = settings["seq2seq"]
    if "endpoint" in settings["providers"]:
        found["endpoint"] = server_paraphrases.cache_key(settings["endpoint"], _further(settings))
    return found


def _further(settings: Mapping[str, Any]) -> int:
    """Wordings that a fact with a single one lacks, and so that a server and translators are asked for."""
    return max(1, settings["wordings"] - 1)


def gathering(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `augment` that decides what becomes of proposals."""
    return {key: settings[key] for key in ("providers", "wordings", "gates", "forms")}


def shards(settings: Mapping[str, Any]) -> list[str]:
    """The names of the parts that the questions are worked through in; none if no model is asked."""
    count = settings["shards"] if model_providers(settings) else 0
    return [f"{number}-of-{count}" for number in range(count)]


# --- the stages ---------------------------------------------------------------------------------------


def write_questions(rows: Path, out: Sequence[Path]) -> None:
    """Write the questions of `rows`, each once, sorted, to the file among `out` that its hash falls to."""
    check_handed_over(rows)
    buckets: list[set[str]] = [set() for _ in out]
    for question in _questions(rows):
        buckets[int(digest(question)[:8], 16) % len(out)].add(question)
    for path, bucket in zip(out, buckets, strict=True):
        write_vouched(path, map(QuestionVariants, sorted(bucket)))


def paraphrase(questions: Path, out: Path, settings: Mapping[str, Any], models: Path, cache: Path) -> None:
    """Write the models' proposals for each of `questions`, a shard's file, to `out`.

    `settings` is `augment`; `models` holds the folders of base_model; `cache` the translation memories. No
    more than a few thousand questions are in memory at once. Raises ModelError, DeviceError, EndpointError
    or StorageError, one line each; what was made until then is kept.
    """
    check_handed_over(questions)
    write_vouched(out, _proposed(questions, settings, models, cache))


def _proposed(
    questions: Path, settings: Mapping[str, Any], models: Path, cache: Path
) -> Iterator[Paraphrases]:
    total = sum(1 for _ in _questions(questions))
    for provider in model_providers(settings):
        begin = {"model": _model_paraphrases, "seq2seq": _round_trips, "endpoint": _server_paraphrases}[
            provider
        ]
        with begin(settings, models, cache) as propose, bar(f"augment: {provider}", total, "questions") as at:
            done = 0
            for chunk in _chunks(questions):
                short = [question for question in chunk if len(question) <= _LONGEST]
                proposals = propose(short, partial(_shifted, at, done))
                yield from (Paraphrases(q, provider, proposals[q]) for q in short if proposals.get(q))
                done += len(chunk)
                at(done)


def _shifted(advance: Advance, done: int, number: int) -> None:
    """Advance to `number` questions after those that are done."""
    advance(done + number)


def _questions(path: Path) -> Iterator[str]:
    decode = msgspec.json.Decoder(QuestionVariants).decode
    with path.open("rb") as stream:
        for line in stream:
            yield decode(line).instruction


def _chunks(questions: Path) -> Iterator[list[str]]:
    lines = _questions(questions)
    while chunk := list(islice(lines, _AT_ONCE)):
        yield chunk


@contextmanager
def _counted(cache: Path, memories: Mapping[str, TranslationMemory]) -> Iterator[None]:
    """Report texts made and texts found in the cache, also after a failure."""
    try:
        yield
    finally:
        for name, memory in memories.items():
            say(f"augment: {name}: {memory.made:,} texts made, {memory.found:,} found in {cache}")


# --- providers ----------------------------------------------------------------------------------------


@contextmanager
def _server_paraphrases(settings: Mapping[str, Any], models: Path, cache: Path) -> Iterator[Propose]:
    chosen, most = settings["endpoint"], _further(settings)
    with (
        open_memory(cache, server_paraphrases.cache_key(chosen, most)) as memory,
        _counted(cache, {chosen["model"]: memory}),
        endpoint.connection(chosen, server_paraphrases.SECTION, request_fields(chosen)) as server,
    ):
        yield lambda questions, advance: server_paraphrases.paraphrases(
            server, questions, most, memory, advance
        )


@contextmanager
def _model_paraphrases(settings: Mapping[str, Any], models: Path, cache: Path) -> Iterator[Propose]:
    chosen = typed(settings["model"], RewordingModelSettings)
    folder = folder_of_base(chosen.reference, models)
    model = ModelParaphraser(folder, chosen)
    with open_memory(cache, model.cache_key) as memory, _counted(cache, {folder.name: memory}):
        yield lambda questions, advance: model.paraphrases(questions, memory, advance)


@contextmanager
def _round_trips(settings: Mapping[str, Any], models: Path, cache: Path) -> Iterator[Propose]:
    chosen = typed(settings["seq2seq"], Seq2seqSettings)
    ready: dict[str, tuple[Translate, Translate]] = {}
    memories: dict[str, TranslationMemory] = {}
    with ExitStack() as stack:

        @lru_cache  # a way that two round trips share has one memory, and one count
        def way(source: str, target: str, reference: str, variants: int) -> Translate:
            folder = folder_of_base(reference, models)
            translator = Translator(folder, source, target, chosen, variants)
            memory = stack.enter_context(open_memory(cache, translator.cache_key))
            memories[f"{source}-{target}, {variants} each"] = memory
            return lambda texts, advance: translator.translate(texts, memory, advance)

        for own, pivot, there, back in trips(settings):
            # Several pivots a question and one way back for each: variants of the way back are near-copies.
            ready[own] = way(own, pivot, there, _further(settings)), way(pivot, own, back, 1)
        with _counted(cache, memories):
            yield lambda questions, advance: _there_and_back(ready, questions, advance)


def _there_and_back(
    ready: Mapping[str, tuple[Translate, Translate]],
    questions: Sequence[str],
    advance: Advance,
) -> dict[str, list[str]]:
    """The round trips of questions whose language has one; `advance` gets the number of questions done."""
    proposals: dict[str, list[str]] = {}
    for own, (there, back) in ready.items():
        mine = [question for question in questions if language(question) == own]
        before, half = len(proposals), len(mine) / 2
        pivots = there(mine, partial(scaled, advance, before, 0.5))
        texts = sorted({text for variants in pivots.values() for text in variants if text})
        share = half / max(1, len(texts))
        home = back(texts, partial(scaled, advance, before + half, share))
        for question in mine:
            found = [variant for text in pivots[question] if text for variant in home[text] if variant]
            proposals[question] = list(dict.fromkeys(found))
    return proposals


def _main(
    rows: Annotated[Path, typer.Argument(help="rows.jsonl of dedup")],
    out: Annotated[Path, typer.Option(help="the file to write")],
    config: Annotated[Path | None, typer.Option(help="a configuration; without one, its defaults")] = None,
    models: Annotated[Path, typer.Option(help="what base_model wrote")] = Path("results/base_model"),
    cache: Annotated[Path, typer.Option(help="the translation memories")] = Path("cache/augment"),
) -> None:
    """Paraphrase the questions by the models of the configuration; qaloom.augment filters the proposals."""
    with job():
        settings = load_config(config)["augment"]
        check_providers(settings)
        with TemporaryDirectory() as folder:
            questions = Path(folder) / "questions.jsonl"
            write_questions(rows, [questions])
            paraphrase(questions, out, settings, models, cache)


if __name__ == "__main__":
    typer.run(_main)

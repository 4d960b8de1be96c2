"""A large model as judge: is an answer right by a rubric, and which of two is better?

What a server says is kept as it comes, under its model, the prompt and the texts in it. Two answers are shown
twice, each once in the first place, since judges favour a place (Zheng et al. 2023, arXiv 2306.05685): one is
better only if it is so both times.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache as once
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from qaloom.console import bar, say
from qaloom.errors import EndpointError
from qaloom.evaluate.judge_figures import judge_headline, verdicts
from qaloom.files import digest
from qaloom.inference.openai_client import Reply, complete, connection, strip_thinking
from qaloom.inference.response_cache import cached_responses

SECTION = "evaluate.judge"
PROMPTS = Path(__file__).with_suffix(".yaml")
_WORDS = {
    "one": {"right": "right", "wrong": "wrong"}
    | dict.fromkeys(("맞음", "옳음", "정답"), "right")
    | dict.fromkeys(("틀림", "오답"), "wrong"),
    "pair": {"a": "A", "b": "B", "tie": "tie"} | dict.fromkeys(("비김", "무승부", "동점"), "tie"),
}
_OBJECT = re.compile(r"\{.*\}", re.DOTALL)


class Said(msgspec.Struct):
    """What the judge said to a prompt; empty when no try gave a verdict."""

    prompt: str  # digest of the prompt
    text: str
    prompt_tokens: int
    completion_tokens: int


class Verdict(msgspec.Struct):
    """The one object, or word, that the judge is asked for."""

    verdict: str
    reason: str = ""


class Prompt(NamedTuple):
    """What is asked: about one answer, or about a pair."""

    kind: str  # one or pair
    text: str


def judge(
    name: str, predictions: Sequence[dict[str, Any]], settings: dict[str, Any], cache: Path
) -> dict[str, Any]:
    """Have the answers to `recall` judged, at most `max_questions`; return the figures of the run `name`.

    `predictions` as in predictions.jsonl; those that are judged get `judge`: verdicts, reasons, and which
    answer is better. `settings` is the configuration's `evaluate:`; see `verdicts.verdicts` for the figures.
    A server that is gone or refuses fails nothing: `why` is then server, and `detail` one line.
    """
    chosen = settings["judge"]
    some = [p for p in predictions if p["split"] == "recall"][: chosen["max_questions"]]
    about = {"model": chosen["model"], "questions": len(some)}
    if not some:
        return about | {"why": "no_question"}
    prompts = [_prompts(p, chosen["rubric"]) for p in some]
    try:
        said = _said(name, {digest(p.text): p for each in prompts for p in each.values()}, chosen, cache)
    except EndpointError as error:
        say(
            f"evaluate: {name}: the judge is not available: {error}. All else is evaluated; once it answers, "
            'run again with ARGS="--forcerun evaluate", which asks what is missing'
        )
        return about | {"why": "server", "detail": str(error)}
    for prediction, each in zip(some, prompts, strict=True):
        prediction["judge"] = _judged({key: read(said[digest(p.text)].text, p) for key, p in each.items()})
    found = about | verdicts(some, settings["resamples"], settings["seed"]) | {"cost": _cost(said)}
    say(f"evaluate: {name}: judge {chosen['model']}: {judge_headline(found)}")
    return found


def _prompts(prediction: dict[str, Any], rubric: str | None) -> dict[str, Prompt]:
    """What is asked about a question: each answer alone, and both, in both orders, unless they are equal."""
    language = "ko" if prediction["language"] == "ko" else "en"
    known = {key: prediction[key] for key in ("question", "reference")}
    base, tuned = prediction["base"], prediction["tuned"]
    asked = {arm: ("one", {"answer": prediction[arm]}) for arm in ("base", "tuned")}
    if base != tuned:
        asked["base_first"] = "pair", {"answer_A": base, "answer_B": tuned}
        asked["tuned_first"] = "pair", {"answer_A": tuned, "answer_B": base}
    return {
        key: Prompt(kind, _text(kind, language, rubric, known | answers))
        for key, (kind, answers) in asked.items()
    }


def _text(kind: str, language: str, rubric: str | None, texts: Mapping[str, str]) -> str:
    words = _words()[language]
    own = re.compile(rf"<(?=\s*/?\s*(?:{'|'.join(texts)})\s*>)", re.IGNORECASE)  # a text ends no block
    shown = [f"<{tag}>\n{own.sub('&lt;', text)}\n</{tag}>" for tag, text in texts.items()]
    return "\n\n".join([words[kind]["task"], rubric or words["rubric"], *shown, words[kind]["form"]])


@once
def _words() -> dict[str, Any]:
    return yaml.safe_load(PROMPTS.read_text("utf-8"))


def _said(
    name: str, prompts: Mapping[str, Prompt], settings: Mapping[str, Any], cache: Path
) -> dict[str, Said]:
    """What the judge says to each prompt, by its digest. Raises EndpointError as `endpoint.complete` does."""
    sent = {"model": settings["model"], "temperature": 0, "max_tokens": settings["max_tokens"]}
    kept = cache / f"{digest({'url': settings['url'], **sent})[:16]}.jsonl"

    heard = set()  # prompts with a text, if only one that says no verdict; an empty one is asked for again

    def understand(key: str, reply: Reply) -> Said | None:
        heard.add(key)
        return Said(key, *reply) if read(reply.text, prompts[key]) else None

    with (
        connection(settings, SECTION, sent) as to,
        bar(f"evaluate: {name}, judge", len(prompts), "judgements") as advance,
    ):

        def make(missing: list[str]) -> Iterator[list[Said]]:
            texts = {key: prompts[key].text for key in missing}
            for key, said in complete(to, texts, understand, answered=len(missing) < len(prompts)):
                if said or key in heard:
                    yield [said or Said(key, "", 0, 0)]

        said = {one.prompt: one for one in cached_responses(kept, Said, list(prompts), make, advance)}
    return {key: said.get(key, Said(key, "", 0, 0)) for key in prompts}


def read(text: str, asked: Prompt) -> Verdict | None:
    """The verdict in what a judge said: its one JSON object, or one word and nothing beside; else None."""
    text = strip_thinking(text).strip()
    if held := _OBJECT.search(text):  # from the first brace to the last, so that two objects are none
        text = held[0]
    try:
        found = msgspec.json.decode(text, type=Verdict)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):  # broken, or too deep to be meant
        found = Verdict(text.strip("\"'*`. \n"))
    word = _WORDS[asked.kind].get(found.verdict.strip().lower())
    return word and Verdict(word, found.reason)


def _judged(found: Mapping[str, Verdict | None]) -> dict[str, Any]:
    """What predictions.jsonl says of one question: `orders` is who was better, base first and tuned first."""
    each = {arm: found[arm] and msgspec.to_builtins(found[arm]) for arm in ("base", "tuned")}
    if "base_first" not in found:
        return each | {"better": "tie", "orders": []}
    places = {"base_first": {"A": "base", "B": "tuned"}, "tuned_first": {"A": "tuned", "B": "base"}}
    orders = [found[key] and of.get(found[key].verdict, "tie") for key, of in places.items()]
    better = None if None in orders else orders[0] if orders[0] == orders[1] else "tie"
    return each | {"better": better, "orders": orders}


def _cost(said: Mapping[str, Said]) -> dict[str, int]:
    """What the answers took, whether asked now or found kept: each once, without tries of no use."""
    answers = [one for one in said.values() if one.text]
    names = ("prompt_tokens", "completion_tokens")
    return {"requests": len(answers), **{key: sum(getattr(one, key) for one in answers) for key in names}}

"""LLM as a judge: whether an answer is right by a rubric, and which of two is better.

Replies are cached by model and prompt. Two answers are shown twice, in both orders, since judges have a
position bias (Zheng et al. 2023, arXiv 2306.05685): one is better only if it is so both times.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache as once
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from qaloom.commands import option_text
from qaloom.config.addresses import bare_address
from qaloom.config.settings import EvaluateSettings, JudgeSettings
from qaloom.console import bar, say, say_outcome
from qaloom.errors import EndpointError
from qaloom.evaluate.judge_figures import judge_headline, summarise_verdicts
from qaloom.evaluate.results import JudgeCost, Judgement, JudgeMetrics, Prediction, Verdict
from qaloom.files import digest
from qaloom.inference.openai_client import Reply, completions, connection
from qaloom.inference.response_cache import cached_responses
from qaloom.text.thoughts import strip_thinking

SECTION = "evaluate.judge"
PROMPTS = Path(__file__).with_suffix(".yaml")
_WORDS = {
    "one": {"right": "right", "wrong": "wrong"}
    | dict.fromkeys(("맞음", "옳음", "정답"), "right")
    | dict.fromkeys(("틀림", "오답"), "wrong"),
    "pair": {"a": "A", "b": "B", "tie": "tie"} | dict.fromkeys(("비김", "무승부", "동점"), "tie"),
}
_OBJECT = re.compile(r"\A[^{]*+(\{.*\})", re.DOTALL)


class JudgeReply(msgspec.Struct):
    """A judge's reply to a prompt, as it is cached; its text is empty when no try gave one."""

    prompt: str  # digest of the prompt
    text: str
    prompt_tokens: int
    completion_tokens: int


class Prompt(NamedTuple):
    """A prompt to the judge, about one answer or about a pair."""

    kind: str  # one or pair
    text: str


def judge_answers(
    name: str, predictions: Sequence[Prediction], settings: EvaluateSettings, cache: Path
) -> JudgeMetrics:
    """Have the answers to `recall` judged, at most `judge.max_questions`; return the metrics of run `name`.

    Judged predictions get `judge`. A server that cannot be reached or refuses fails nothing: `why` is then
    server, and `detail` one line.
    """
    judge = settings.judge
    model = str(judge.model)
    some = [p for p in predictions if p.split == "recall"][: judge.max_questions]
    if not some:
        return JudgeMetrics(model, 0, why="no_question")
    prompts = [_prompts(p, judge.rubric) for p in some]
    try:
        replies = _replies(name, {digest(p.text): p for each in prompts for p in each.values()}, judge, cache)
    except EndpointError as error:
        say(
            f"evaluate: {name}: the judge is not available: {error}. All else is evaluated; once it answers, "
            f"run again with {option_text('ARGS', '--forcerun evaluate')}, which asks what is missing"
        )
        return JudgeMetrics(model, len(some), why="server", detail=str(error))
    for prediction, each in zip(some, prompts, strict=True):
        verdicts = {key: read_verdict(replies[digest(p.text)].text, p) for key, p in each.items()}
        prediction.judge = _judgement(verdicts)
    found = summarise_verdicts(model, some)
    found.cost = _cost(replies)
    say_outcome(f"evaluate: {name}: judge {model}: {judge_headline(found)}")
    return found


def _prompts(prediction: Prediction, rubric: str | None) -> dict[str, Prompt]:
    """Prompts about a question: each answer alone, and both, in both orders, unless they are equal."""
    language = "ko" if prediction.language == "ko" else "en"
    given = {"question": prediction.question, "reference": prediction.reference}
    base, tuned = prediction.base, prediction.tuned
    wanted = {"base": ("one", {"answer": base}), "tuned": ("one", {"answer": tuned})}
    if base != tuned:
        wanted["base_first"] = "pair", {"answer_A": base, "answer_B": tuned}
        wanted["tuned_first"] = "pair", {"answer_A": tuned, "answer_B": base}
    return {
        key: Prompt(kind, _text(kind, language, rubric, given | answers))
        for key, (kind, answers) in wanted.items()
    }


def _text(kind: str, language: str, rubric: str | None, texts: Mapping[str, str]) -> str:
    words = _words()[language]
    own = re.compile(rf"<(?=\s*/?\s*(?:{'|'.join(texts)})\s*>)", re.IGNORECASE)  # a text ends no block
    shown = [f"<{tag}>\n{own.sub('&lt;', text)}\n</{tag}>" for tag, text in texts.items()]
    return "\n\n".join([words[kind]["task"], rubric or words["rubric"], *shown, words[kind]["form"]])


@once
def _words() -> dict[str, Any]:
    return yaml.safe_load(PROMPTS.read_text("utf-8"))


def _replies(
    name: str, prompts: Mapping[str, Prompt], settings: JudgeSettings, cache: Path
) -> dict[str, JudgeReply]:
    """Replies to the prompts, by digest. Raises EndpointError as `openai_client.completions` does."""
    sent = {"model": settings.model, "temperature": 0, "max_tokens": settings.max_tokens}
    path = cache / f"{digest({'url': bare_address(str(settings.url)), **sent})[:16]}.jsonl"
    with_text = set()  # prompts with a reply, if only one without a verdict; an empty one is asked for again

    def understand(key: str, reply: Reply) -> JudgeReply | None:
        with_text.add(key)
        return JudgeReply(key, *reply) if read_verdict(reply.text, prompts[key]) else None

    with (
        connection(msgspec.structs.asdict(settings), SECTION, sent) as to,
        bar(f"evaluate: {name}, judge", len(prompts), "judgements") as advance,
    ):

        def make(missing: list[str]) -> Iterator[list[JudgeReply]]:
            texts = {key: prompts[key].text for key in missing}
            for key, reply in completions(to, texts, understand, answered=len(missing) < len(prompts)):
                if reply or key in with_text:
                    yield [reply or JudgeReply(key, "", 0, 0)]

        found = {one.prompt: one for one in cached_responses(path, JudgeReply, list(prompts), make, advance)}
    return {key: found.get(key, JudgeReply(key, "", 0, 0)) for key in prompts}


def read_verdict(text: str, prompt: Prompt) -> Verdict | None:
    """Verdict of a reply: its one JSON object, or one word and nothing beside; else None."""
    text = strip_thinking(text).strip()
    if held := _OBJECT.search(text):  # from the first brace to the last, so that two objects are none
        text = held[1]
    try:
        found = msgspec.json.decode(text, type=Verdict)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):  # broken, or too deep to be meant
        found = Verdict(text.strip("\"'*`. \n"))
    word = _WORDS[prompt.kind].get(found.verdict.strip().lower())
    return Verdict(word, found.reason) if word else None


def _judgement(found: Mapping[str, Verdict | None]) -> Judgement:
    """Verdicts on one question, by prompt (see `_prompts`), in sum."""
    if "base_first" not in found:
        return Judgement(found["base"], found["tuned"], "tie", [])
    orders = [
        _preferred(found["base_first"], {"A": "base", "B": "tuned"}),
        _preferred(found["tuned_first"], {"A": "tuned", "B": "base"}),
    ]
    better = None if None in orders else orders[0] if orders[0] == orders[1] else "tie"
    return Judgement(found["base"], found["tuned"], better, orders)


def _preferred(verdict: Verdict | None, models: Mapping[str, str]) -> str | None:
    return models.get(verdict.verdict, "tie") if verdict else None


def _cost(replies: Mapping[str, JudgeReply]) -> JudgeCost:
    """Cost of the replies, whether new or cached: each once, without tries of no use."""
    some = [reply for reply in replies.values() if reply.text]
    return JudgeCost(len(some), sum(r.prompt_tokens for r in some), sum(r.completion_tokens for r in some))

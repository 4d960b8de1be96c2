"""General prompts for `training.keep`: how many a run needs, and the base model's answers to them, made once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from qaloom import errors
from qaloom.code_digest import LIBRARY, code_digest
from qaloom.config.settings import RunSettings
from qaloom.console import say
from qaloom.errors import ConfigError, RowTextError, TrainingError
from qaloom.files import digest
from qaloom.inference.prompt import Tokenizer, prompt_ids, stop_ids
from qaloom.train.planning.choices import NOTHING_KEPT, KeptAnswers
from qaloom.train.planning.launcher import Outcome, run_base_answers
from qaloom.train.planning.plan import Plan
from qaloom.train.planning.task import BaseAnswersJob, TrainingTask, write_struct
from qaloom.trained_run import base_manifest

BUILT_IN = Path(__file__).with_name("general_prompts.txt")
ANSWER_TOKENS = 48  # of the base's answer at most
FILE = "base_answers.npz"
_LONGEST = 256  # tokens of a prompt; longer ones are left out


def general_prompts(named: str) -> list[str]:
    """The prompts of `training.keep.prompts`, each once, in an order that their texts alone decide.

    A line is a prompt, one that begins with # a comment. Raises ConfigError when there are none.
    """
    path = BUILT_IN if named == "built-in" else Path(named).expanduser()
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(
            f"training.keep.prompts: {path} cannot be read as UTF-8 text; name a file with a prompt a line"
        ) from None
    prompts = {line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")}
    if not prompts:
        raise ConfigError(f"training.keep.prompts: {path} holds no prompt; write one a line")
    return sorted(prompts, key=digest)


def prompts_digest(settings: dict[str, Any]) -> str | None:
    """Digest of the prompts that a run (one entry of `runs:`) keeps its base on; None where it does not."""
    keep = settings["training"]["keep"]
    return digest(general_prompts(keep["prompts"])) if keep["strength"] else None


def prompts_to_keep(run: RunSettings, tokenizer: Tokenizer, kind: str, system: str) -> list[list[int]]:
    """Token ids of the general prompts, asked as the run's questions are; of none where nothing is kept."""
    if not run.training.keep.strength:
        return []
    found, left_out = [], 0
    for text in general_prompts(run.training.keep.prompts):
        try:
            ids = prompt_ids(tokenizer, kind, text, system=system)
        except RowTextError:
            ids = []
        if 0 < len(ids) <= min(_LONGEST, run.max_length - ANSWER_TOKENS):
            found.append(ids)
        else:
            left_out += 1
    if left_out:
        say(
            f"train: {left_out} general prompts are left out: too long, or not to be written in the model's prompt"
        )
    if not found:
        raise TrainingError("training.keep: no general prompt can be asked; raise max_length, or name others")
    return found


def kept_in_a_step(run: RunSettings, prompts: Sequence[list[int]], lengths: Sequence[int]) -> KeptAnswers:
    """How many of the base's answers a step takes beside its rows (`lengths` in tokens), and the longest's tokens."""
    if not prompts:
        return NOTHING_KEPT
    training = run.training
    rows: float = training.effective_batch
    if training.effective_tokens:
        rows = training.effective_tokens * len(lengths) / sum(lengths)
    return KeptAnswers(max(1, round(training.keep.share * rows)), max(map(len, prompts)) + ANSWER_TOKENS)


def answered(
    task: TrainingTask, prompts: list[list[int]], planned: Plan, tokenizer: Tokenizer, cache: Path
) -> Path:
    """The file of the base model's answers to as many prompts as the steps take, made if it is not there.

    Raises TrainingError when the process fails, or what it failed of.
    """
    wanted = prompts[: planned.keep_rows * planned.steps]
    stop, run = stop_ids(tokenizer, planned.prompt), task.settings
    code = code_digest(LIBRARY / "train/base_answers.py")
    model = [base_manifest(Path(task.base)).sha256, planned.precision, stop, ANSWER_TOKENS, code]
    folder, answers = cache / digest([*model, wanted])[:16], cache / f"{digest(model)[:16]}.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):  # a training beside this one may need the same
        if not (folder / FILE).is_file():
            job = BaseAnswersJob(
                task.base, run.trust_remote_code, planned.precision, task.threads,
                wanted, stop, ANSWER_TOKENS, str(answers),
            )  # fmt: skip
            write_struct(folder / "job.json", job)
            _check(task.name, run_base_answers(task.name, folder, len(wanted), planned.device.kind))
    return folder / FILE


def _check(name: str, outcome: Outcome) -> None:
    if outcome.kind != "finished":
        failure = getattr(errors, outcome.error, TrainingError)
        raise failure(f"{name}: training.keep: the base model cannot be asked ({outcome.detail})")

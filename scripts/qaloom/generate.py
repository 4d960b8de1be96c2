"""Let a model answer many questions: batches by length, greedy, each answer kept as soon as it is there."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from qaloom.errors import DeviceError
from qaloom.files import digest
from qaloom.job import say
from qaloom.kept import kept_or_made
from qaloom.prompt import load_tokenizer, unloadable

_TOKENS_AT_ONCE = {"cpu": 8_192, "cuda": 32_768}  # prompt and answer tokens in one batch
_SHORTEST = 0.5  # of a batch's longest prompt: one long prompt would have all others padded to its length
_TOKENS_A_STRETCH = 8  # generated before answers that have ended leave their batch


class Answer(msgspec.Struct):
    """A model's answer; `cut` when it ran into the length limit instead of ending by itself."""

    prompt: str  # digest of the prompt's token ids
    text: str
    cut: bool
    prompt_tokens: int
    ids: list[int]  # of the answer, without the end token
    new_tokens: int
    seconds: float  # its share of the time that its batch took

    def cost(self) -> dict[str, float]:
        """What the answer took: tokens read and written, and seconds."""
        return {name: getattr(self, name) for name in ("prompt_tokens", "new_tokens", "seconds")}


class Loaded(NamedTuple):
    """A model in memory, with or without an adapter, and its tokenizer."""

    model: Any
    tokenizer: Any


def load(
    base: Path, adapter: Path | None = None, code_allowed: bool = False, precision: str = "16bit"
) -> Loaded:
    """Load a base model, and the adapter on top of it, for answering.

    A folder that holds a whole model (`method: full`) is loaded in the base model's place.

    float32 on a CPU (bfloat16 decodes about 5 times slower there); on a GPU the type that it is quick in,
    quantised if `precision` is 8bit or 4bit: what was too large to train in 16 bits is too large to ask.
    Raises ModelError when a folder cannot be loaded, DeviceError when the model does not fit.
    """
    tokenizer = load_tokenizer(adapter or base, code_allowed)
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    if adapter and (adapter / "config.json").is_file():
        base, adapter = adapter, None
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.float32 if device == "cpu" else _gpu_dtype()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            base,
            dtype=dtype,
            trust_remote_code=code_allowed,
            device_map={"": device},
            quantization_config=_quantised(precision, dtype) if device == "cuda" else None,
        )
        if adapter:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, str(adapter))
    except torch.OutOfMemoryError:
        raise DeviceError(f"{base} does not fit into the GPU's free memory; close what holds it") from None
    except (OSError, ValueError, SafetensorError) as error:
        raise unloadable(base, error) from None
    return Loaded(model.eval(), tokenizer)


def _quantised(precision: str, dtype: Any) -> Any:
    """The quantisation that Unsloth trains with, or None in 16 bits."""
    from transformers import BitsAndBytesConfig

    if precision == "4bit":
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
    return BitsAndBytesConfig(load_in_8bit=True) if precision == "8bit" else None


def greedy(model: Any, tokenizer: Any, stop: list[int], max_new_tokens: int, **inputs: Any) -> Any:
    """The token ids of prompts and answers, each token the likeliest, whatever the model's own settings.

    A repetition penalty, which some models' settings name, would count against an answer that repeats
    the question's words, and count padding as words.
    """
    import torch

    with torch.inference_mode():
        return model.generate(
            **inputs,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            repetition_penalty=1.0,
            eos_token_id=stop,
            pad_token_id=tokenizer.pad_token_id,
        )


def answers(
    loaded: Callable[[], Loaded],
    prompts: Sequence[list[int]],
    stop: list[int],
    max_new_tokens: int,
    kept: Path,
    advance: Callable[[int], None],
) -> list[Answer]:
    """Answer each prompt (token ids), in the order given; the model is loaded only if one is unanswered.

    Answers are appended to `kept` batch by batch and found there again, so that a killed run, and a run
    with the same model and settings, asks nothing twice. `advance` gets the number answered.
    Raises DeviceError when not even one prompt fits into the GPU's memory.
    """
    named = {digest(prompt): prompt for prompt in prompts}

    def make(missing: list[str]) -> Iterator[list[Answer]]:
        return _generated(loaded(), {name: named[name] for name in missing}, stop, max_new_tokens)

    return kept_or_made(kept, Answer, list(map(digest, prompts)), make, advance)


def _generated(
    loaded: Loaded, todo: dict[str, list[int]], stop: list[int], max_new_tokens: int
) -> Iterator[list[Answer]]:
    import torch

    queue = sorted(todo, key=lambda name: len(todo[name]), reverse=True)  # what fits first, fits to the end
    budget = _TOKENS_AT_ONCE[loaded.model.device.type]
    while queue:
        longest = len(todo[queue[0]]) + max_new_tokens
        alike = sum(len(todo[name]) >= _SHORTEST * len(todo[queue[0]]) for name in queue)
        batch = queue[: max(1, min(alike, budget // longest))]
        try:
            answered = _batch(loaded, batch, [todo[name] for name in batch], stop, max_new_tokens)
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise DeviceError(
                    f"one question with its answer ({longest} tokens) does not fit into the GPU's free "
                    "memory; close what holds it, or lower evaluate.max_new_tokens"
                ) from None
            torch.cuda.empty_cache()
            half = len(batch) // 2
            budget = half * longest
            say(f"{len(batch)} questions at once do not fit into the GPU's free memory; {half} from here on")
        else:
            yield answered
            queue = queue[len(batch) :]


def _batch(
    loaded: Loaded, names: list[str], prompts: list[list[int]], stop: list[int], max_new_tokens: int
) -> list[Answer]:
    start = time.monotonic()
    said = _continued(loaded, prompts, stop, max_new_tokens)
    seconds = round((time.monotonic() - start) / len(names), 4)
    return [
        _answer(loaded.tokenizer, name, ids, stop, len(prompt), seconds)
        for name, ids, prompt in zip(names, said, prompts, strict=True)
    ]


def _continued(
    loaded: Loaded, prompts: list[list[int]], stop: list[int], max_new_tokens: int
) -> list[list[int]]:
    """The token ids that follow each prompt, with the end token if it came.

    Generated some tokens at a time, after which the answers that have ended leave the batch: most are
    short, and would otherwise be padded until the longest of the batch has ended.
    """
    import torch

    model, tokenizer = loaded
    width = max(map(len, prompts))
    ids = [[tokenizer.pad_token_id] * (width - len(p)) + p for p in prompts]
    mask = [[0] * (width - len(p)) + [1] * len(p) for p in prompts]
    ids, mask = (torch.tensor(rows, device=model.device) for rows in (ids, mask))
    said: list[list[int]] = [[] for _ in prompts]
    going, past = list(range(len(prompts))), None
    for done in range(0, max_new_tokens, _TOKENS_A_STRETCH):
        made = greedy(
            model, tokenizer, stop, min(_TOKENS_A_STRETCH, max_new_tokens - done),
            input_ids=ids, attention_mask=mask, past_key_values=past, return_dict_in_generate=True,
        )  # fmt: skip
        new = made.sequences[:, ids.shape[1] :]
        for number, row in zip(going, new.tolist(), strict=True):
            said[number] += row
        keep = [i for i, row in enumerate(new.tolist()) if not set(row) & set(stop)]
        if not keep:
            break
        going = [going[i] for i in keep]
        ids, mask = made.sequences[keep], torch.cat([mask, torch.ones_like(new)], dim=1)[keep]
        past = _narrowed(made.past_key_values, keep, ids)
    return said


def _narrowed(past: Any, keep: list[int], ids: Any) -> Any:
    """The cached keys and values of some rows; None, to be made again, if they cannot be parted."""
    import torch

    if not hasattr(past, "batch_select_indices"):
        return None
    past.batch_select_indices(torch.tensor(keep, device=ids.device))
    return past


def _answer(
    tokenizer: Any, name: str, ids: list[int], stop: list[int], prompt_tokens: int, seconds: float
) -> Answer:
    end = next((i for i, token in enumerate(ids) if token in stop), None)
    answer, new_tokens = ids[:end], len(ids) if end is None else end + 1
    text = tokenizer.decode(answer, skip_special_tokens=True).strip()
    return Answer(name, text, end is None, prompt_tokens, answer, new_tokens, seconds)


def _gpu_dtype() -> Any:
    import torch

    return torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float16

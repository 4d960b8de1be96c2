"""Let a model answer many questions: batches by length, greedy, each answer kept as soon as it is there."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from qaloom.errors import ModelError
from qaloom.files import digest

_TOKENS_AT_ONCE = {"cpu": 2_048, "cuda": 32_768}  # prompt and answer tokens in one batch


class Answer(msgspec.Struct):
    """A model's answer; `cut` when it ran into the length limit instead of ending by itself."""

    prompt: str  # digest of the prompt's token ids
    text: str
    cut: bool


class Loaded(NamedTuple):
    """A model in memory, with or without an adapter, and its tokenizer."""

    model: Any
    tokenizer: Any


def load(base: Path, adapter: Path | None = None, code_allowed: bool = False) -> Loaded:
    """Load a base model, and the adapter on top of it, for answering.

    float32 on a CPU (bfloat16 decodes about 5 times slower there), else the type the card is quick in.
    Raises ModelError when the folder cannot be loaded.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.float32 if device == "cpu" else _gpu_dtype()
    try:
        tokenizer = AutoTokenizer.from_pretrained(adapter or base)
        model = AutoModelForCausalLM.from_pretrained(
            base, dtype=dtype, trust_remote_code=code_allowed, device_map={"": device}
        )
    except (OSError, ValueError) as error:
        raise ModelError(f"{base} cannot be loaded: {str(error).splitlines()[0]}") from None
    if adapter:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(adapter))
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return Loaded(model.eval(), tokenizer)


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
    """
    names = [digest(prompt) for prompt in prompts]
    known = _known(kept)
    todo = {name: prompt for name, prompt in zip(names, prompts, strict=True) if name not in known}
    advance(len(prompts) - len(todo))
    if todo:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.open("ab") as stream:
            for batch in _generated(loaded(), todo, stop, max_new_tokens):
                for answer in batch:
                    stream.write(msgspec.json.encode(answer) + b"\n")
                    known[answer.prompt] = answer
                stream.flush()
                advance(sum(name in known for name in names))
    return [known[name] for name in names]


def _known(kept: Path) -> dict[str, Answer]:
    """Answers of earlier runs; a last line that a kill cut short is cut off the file."""
    if not kept.is_file():
        return {}
    content = kept.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        kept.write_bytes(whole)
    decode = msgspec.json.Decoder(Answer).decode
    return {answer.prompt: answer for answer in map(decode, whole.splitlines())}


def _generated(
    loaded: Loaded, todo: dict[str, list[int]], stop: list[int], max_new_tokens: int
) -> Iterator[list[Answer]]:
    import torch

    queue = sorted(todo, key=lambda name: len(todo[name]), reverse=True)  # what fits first, fits to the end
    device = loaded.model.device
    size = max(1, _TOKENS_AT_ONCE[device.type] // (len(todo[queue[0]]) + max_new_tokens))
    while queue:
        batch = queue[:size]
        try:
            yield _batch(loaded, batch, [todo[name] for name in batch], stop, max_new_tokens)
        except torch.OutOfMemoryError:
            if size == 1:
                raise
            torch.cuda.empty_cache()
            size = (size + 1) // 2
            continue
        queue = queue[size:]


def _batch(
    loaded: Loaded, names: list[str], prompts: list[list[int]], stop: list[int], max_new_tokens: int
) -> list[Answer]:
    import torch

    model, tokenizer = loaded
    width = max(map(len, prompts))
    ids = [[tokenizer.pad_token_id] * (width - len(p)) + p for p in prompts]
    mask = [[0] * (width - len(p)) + [1] * len(p) for p in prompts]
    with torch.inference_mode():
        output = model.generate(
            input_ids=torch.tensor(ids, device=model.device),
            attention_mask=torch.tensor(mask, device=model.device),
            max_new_tokens=max_new_tokens,
            do_sample=False,
            eos_token_id=stop,
            pad_token_id=tokenizer.pad_token_id,
        )
    return [
        _answer(tokenizer, name, row[width:].tolist(), stop) for name, row in zip(names, output, strict=True)
    ]


def _answer(tokenizer: Any, name: str, ids: list[int], stop: list[int]) -> Answer:
    end = next((i for i, token in enumerate(ids) if token in stop), None)
    text = tokenizer.decode(ids[:end], skip_special_tokens=True).strip()
    return Answer(name, text, cut=end is None)


def _gpu_dtype() -> Any:
    import torch

    return torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float16

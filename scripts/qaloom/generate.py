"""Let a model answer many questions: batches by length, greedy, each answer kept as soon as it is there."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from qaloom.errors import DeviceError
from qaloom.files import digest
from qaloom.job import say
from qaloom.prompt import load_tokenizer, unloadable

_TOKENS_AT_ONCE = {"cpu": 8_192, "cuda": 32_768}  # prompt and answer tokens in one batch


class Answer(msgspec.Struct):
    """A model's answer; `cut` when it ran into the length limit instead of ending by itself."""

    prompt: str  # digest of the prompt's token ids
    text: str
    cut: bool


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
    names = [digest(prompt) for prompt in prompts]
    known = _known(kept)
    todo = {name: prompt for name, prompt in zip(names, prompts, strict=True) if name not in known}
    advance(sum(name in known for name in names))
    if todo:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.open("ab", buffering=0) as stream:  # one write a batch: two runs may share the file
            stream.write(b"\n" if _torn(kept) else b"")
            for batch in _generated(loaded(), todo, stop, max_new_tokens):
                stream.write(b"".join(msgspec.json.encode(answer) + b"\n" for answer in batch))
                known |= {answer.prompt: answer for answer in batch}
                advance(sum(name in known for name in names))
    return [known[name] for name in names]


def _known(kept: Path) -> dict[str, Answer]:
    """Answers of earlier runs; a line that a kill cut short is none."""
    known: dict[str, Answer] = {}
    decode = msgspec.json.Decoder(Answer).decode
    for line in kept.read_bytes().splitlines() if kept.is_file() else ():
        with suppress(msgspec.DecodeError):
            answer = decode(line)
            known[answer.prompt] = answer
    return known


def _torn(kept: Path) -> bool:
    """Whether a kill cut the file's last line short."""
    content = kept.read_bytes()
    return bool(content) and not content.endswith(b"\n")


def _generated(
    loaded: Loaded, todo: dict[str, list[int]], stop: list[int], max_new_tokens: int
) -> Iterator[list[Answer]]:
    import torch

    queue = sorted(todo, key=lambda name: len(todo[name]), reverse=True)  # what fits first, fits to the end
    budget = _TOKENS_AT_ONCE[loaded.model.device.type]
    while queue:
        longest = len(todo[queue[0]]) + max_new_tokens
        batch = queue[: max(1, budget // longest)]
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
    import torch

    model, tokenizer = loaded
    device = model.device
    width = max(map(len, prompts))
    ids = [[tokenizer.pad_token_id] * (width - len(p)) + p for p in prompts]
    mask = [[0] * (width - len(p)) + [1] * len(p) for p in prompts]
    inputs = {
        "input_ids": torch.tensor(ids, device=device),
        "attention_mask": torch.tensor(mask, device=device),
    }
    output = greedy(model, tokenizer, stop, max_new_tokens, **inputs)
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

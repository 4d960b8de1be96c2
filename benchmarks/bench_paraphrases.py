"""Speed of the provider `model` on one GPU: rewordings of many questions by a shape of random weights.

`python benchmarks/bench_paraphrases.py WORK OUT.json [SHAPE] [QUESTIONS] [NEW_TOKENS] [PRECISION]`, by default 8B
(Llama 3), 1,000 questions, 40 new tokens a reply, 16bit. Each question is asked for in all five kinds, through the
provider's own path: prompts with examples, batches, parsing, the cache on the disk. Weights are random, so no reply
ends by itself: all are of one length. Needs PyTorch, transformers, msgspec, PyYAML, rich and rapidfuzz; run it from the
repository's root.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests" / "support"))

THINGS = (
    "delivery note", "visitor badge", "fire extinguisher", "parking permit", "travel expense", "meeting room",
    "network password", "first-aid box", "storage key", "overtime request", "sick note", "loading dock",
)  # fmt: skip
ASKED = (
    "Who signs the {} of building {} when the office is closed?",
    "How long is the {} of building {} valid after it was issued?",
    "Where in the building is the {} of department {} kept?",
    "What does a replacement for the {} of floor {} cost?",
)


def questions(count: int) -> list[str]:
    """Different questions of about a dozen words."""
    return [ASKED[n % len(ASKED)].format(THINGS[n % len(THINGS)], 100 + n) for n in range(count)]


def write_shape(folder: Path, name: str) -> None:
    """Write a shape with random weights in bfloat16, and a tokenizer that encodes the prompts in few tokens."""
    import torch
    from bench_gpu import SHAPES
    from tiny_model import CHATML, SPECIAL
    from transformers import LlamaConfig, LlamaForCausalLM

    if (folder / "manifest.json").is_file():
        return
    ids = {"bos_token_id": 1, "eos_token_id": 4, "pad_token_id": 0}
    config = LlamaConfig(**SHAPES[name], **ids, max_position_embeddings=8192, rope_theta=500000.0)
    torch.manual_seed(7)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer = trained_tokenizer(SPECIAL)
    tokenizer.chat_template = CHATML
    tokenizer.save_pretrained(folder)
    (folder / "manifest.json").write_text(
        json.dumps({"origin": f"random:{name}", "sha256": name.ljust(64, "0")})
    )
    del model
    torch.cuda.empty_cache()


def trained_tokenizer(special: list[str]) -> Any:
    """A byte-level BPE tokenizer of at most 4,000 tokens, trained on the prompts and the questions."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4_000, special_tokens=list(special), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    prompts = (ROOT / "scripts/qaloom/augment/model_paraphrases.yaml").read_text("utf-8")
    inner.train_from_iterator([*prompts.splitlines(), *questions(200)], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<|im_end|>", bos_token="<s>", pad_token="<pad>"
    )


def measured(folder: Path, count: int, new_tokens: int, precision: str) -> dict[str, Any]:
    """Seconds and tokens of rewordings of `count` questions, and what they take when found in the cache."""
    from qaloom.augment.model_paraphrases import ModelParaphraser
    from qaloom.config.settings import RewordingKind, RewordingModelSettings
    from qaloom.inference.translation_cache import open_memory

    kinds = list(get_args(RewordingKind))
    settings = RewordingModelSettings(f"path:{folder}", new_tokens, precision, kinds, 1)  # type: ignore[arg-type]
    model = ModelParaphraser(folder, settings)
    model.asked.__dict__["stop"] = []  # no reply ends by itself
    _, loading = timed(lambda: model.asked.model)
    more = questions(count + 8)
    asked, others = more[:count], more[count:]
    prompt_tokens = [len(ids) for q in asked[:20] for ids in prompts_of(model, q)]
    with tempfile.TemporaryDirectory() as cache, open_memory(Path(cache), model.cache_key) as memory:
        _, first = timed(lambda: model.paraphrases(others, memory, lambda _: None))  # loads kernels
        made_before = memory.made
        _, seconds = timed(lambda: model.paraphrases(asked, memory, lambda _: None))
        replies = memory.made - made_before
        _, again = timed(lambda: model.paraphrases(asked, memory, lambda _: None))
    return {
        "questions": count, "replies": replies, "new_tokens_a_reply": new_tokens, "precision": precision,
        "prompt_tokens": round(sum(prompt_tokens) / len(prompt_tokens), 1),
        "seconds": round(seconds, 2), "new_tokens_a_second": round(replies * new_tokens / seconds),
        "loading_seconds": round(loading, 1), "first_8_questions_seconds": round(first, 2),
        "found_in_cache_seconds": round(again, 2), "token_budget": model.asked.token_budget, **machine(),
    }  # fmt: skip


def prompts_of(model: Any, question: str) -> list[list[int]]:
    from qaloom.augment.model_paraphrases import _prompt

    return [model.asked.ids(_prompt(question, way, "en")) for way in model.ways]


def machine() -> dict[str, Any]:
    import torch
    import transformers

    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    if not torch.cuda.is_available():
        return versions | {"machine": f"CPU, {torch.get_num_threads()} threads"}
    peak = round(torch.cuda.max_memory_reserved() / 1e9, 2)
    return versions | {"machine": torch.cuda.get_device_name(), "peak_gb": peak}


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.monotonic()
    return work(), time.monotonic() - start


def main(
    work: Path, out: Path, shape: str = "8B", count: int = 1000, new: int = 40, precision: str = "16bit"
) -> None:
    folder = work / shape
    write_shape(folder, shape)
    found = {"shape": shape, **measured(folder, count, new, precision)}
    known = json.loads(out.read_text()) if out.is_file() else []
    out.write_text(json.dumps([*known, found], indent=1) + "\n")
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    work, out, *more = sys.argv[1:]
    shape, count, new, precision = more + ["8B", "1000", "40", "16bit"][len(more) :]
    main(Path(work), Path(out), shape, int(count), int(new), precision)

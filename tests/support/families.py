"""Chat templates and special tokens of model families, on a byte-level tokenizer of a few hundred tokens.

The templates are shortened from the families' published ones: turns, begin tokens, system texts and thoughts are
theirs.
"""

from pathlib import Path
from typing import NamedTuple

from tiny_model import make_from, make_sentencepiece

_CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class Family(NamedTuple):
    """A family's template, special tokens and end of text; `begins`: its tokenizer adds a begin token itself."""

    template: str | None
    special: tuple[str, ...]
    eos: str
    begins: bool = False
    added: tuple[str, ...] = ()  # added tokens that are not marked as special
    sentencepiece: str | None = None  # "llama" (a space before every text) or "gemma"


FAMILIES = {
    "polyglot-ko": Family(None, ("<|endoftext|>",), "<|endoftext|>"),
    "gpt2": Family(None, ("<|endoftext|>",), "<|endoftext|>"),
    "llama-2": Family(
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content.strip() }} [/INST]"
        "{% else %} {{ m.content.strip() }} {{ eos_token }}{% endif %}{% endfor %}",
        ("<s>", "</s>"), "</s>", True, sentencepiece="llama",
    ),
    "llama-3": Family(
        "{% for m in messages %}{% set content = '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n'"
        "+ m.content | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}"
        "{% endif %}{{ content }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
        ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        "<|end_of_text|>", True,
    ),
    "mistral": Family(
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }}[/INST]"
        "{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}",
        ("<s>", "</s>", "[INST]", "[/INST]"), "</s>", True, sentencepiece="llama",
    ),
    "gemma": Family(
        "{{ bos_token }}{% for m in messages %}{% set role = 'model' if m.role == 'assistant' else m.role %}"
        "<start_of_turn>{{ role }}\n{{ m.content | trim }}<end_of_turn>\n{% endfor %}"
        "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
        ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"), "<eos>", True, ("\n", "\n\n", "<b>"),
        "gemma",
    ),
    "gemma-3-in-parts": Family(
        "{{ bos_token }}{% for m in messages %}{% set role = 'model' if m.role == 'assistant' else m.role %}"
        "<start_of_turn>{{ role }}\n{% for part in m.content %}{% if part is mapping %}{{ part.text | trim }}"
        "{% endif %}{% endfor %}<end_of_turn>\n{% endfor %}"
        "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
        ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"), "<eos>", True, sentencepiece="gemma",
    ),
    "qwen-2.5": Family(
        "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
        + _CHATML,
        ("<|im_start|>", "<|im_end|>", "<|endoftext|>"), "<|im_end|>",
    ),
    "qwen-3": Family(
        "{% for m in messages %}{% set content = m.content.split('</think>')[-1].lstrip('\n') %}"
        "<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
        "{{ content if m.role == 'assistant' else m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n"
        "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}",
        ("<|im_start|>", "<|im_end|>", "<|endoftext|>"), "<|im_end|>", False, ("<think>", "</think>"),
    ),
    "qwen-3-experts": Family(
        _CHATML, ("<|im_start|>", "<|im_end|>", "<|endoftext|>"), "<|im_end|>",
    ),
    "deepseek-r1": Family(
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}<｜User｜>{{ m.content }}{% else %}"
        "<｜Assistant｜>{{ m.content.split('</think>')[-1] }}<｜end▁of▁sentence｜>{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<｜Assistant｜><think>\n{% endif %}",
        ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"), "<｜end▁of▁sentence｜>", True,
        ("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>"),
    ),
    "exaone-3.5": Family(
        "{% for m in messages %}{% if loop.first and m.role != 'system' %}"
        "[|system|]You are EXAONE model from LG AI Research, a helpful assistant.[|endofturn|]\n{% endif %}"
        "[|{{ m.role }}|]{{ m.content }}{% if m.role == 'user' %}\n{% else %}[|endofturn|]\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}[|assistant|]{% endif %}",
        ("[BOS]", "[PAD]", "[|endofturn|]", "[|system|]", "[|user|]", "[|assistant|]"), "[|endofturn|]",
    ),
    "solar": Family(
        "{% for m in messages %}{% if m.role == 'user' %}### User:\n{{ m.content }}\n\n{% else %}"
        "### Assistant:\n{{ m.content }}\n\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}### Assistant:\n{% endif %}",
        ("<s>", "</s>"), "</s>", True, sentencepiece="llama",
    ),
    "eeve": Family(
        "{% if messages[0].role != 'system' %}A chat between a curious user and an artificial intelligence assistant. "
        "The assistant gives helpful, detailed, and polite answers to the user's questions.\n{% endif %}"
        "{% for m in messages %}{% if m.role == 'user' %}Human: {{ m.content }}\n{% else %}"
        "Assistant:\n{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}Assistant:\n{% endif %}",
        ("<s>", "</s>", "<|im_end|>"), "<|im_end|>", True, sentencepiece="llama",
    ),
    "phi-3": Family(
        "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>\n{% else %}{{ eos_token }}{% endif %}",
        ("<s>", "<|endoftext|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"), "<|endoftext|>", True,
        sentencepiece="llama",
    ),
    "hyperclova-x": Family(
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n\n</think>\n\n{% endif %}",
        ("<|im_start|>", "<|im_end|>", "<|endofturn|>", "<|stop|>"), "<|endofturn|>",
    ),
    "kanana": Family(
        "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
        "{{ m.content }}<|eot_id|>{% endfor %}"
        "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}",
        ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        "<|eot_id|>", True,
    ),
    "gpt-oss": Family(
        "<|start|>system<|message|>You are ChatGPT.\nCurrent date: {{ strftime_now('%Y-%m-%d') }}<|end|>"
        "{% for m in messages %}{% if m.role == 'user' %}<|start|>user<|message|>{{ m.content }}<|end|>{% else %}"
        "<|start|>assistant<|channel|>final<|message|>{{ m.content }}"
        "{{ '<|return|>' if loop.last else '<|end|>' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|start|>assistant{% endif %}",
        ("<|start|>", "<|message|>", "<|channel|>", "<|end|>", "<|return|>", "<|endoftext|>"), "<|return|>",
    ),
    "chatml-with-generation-tags": Family(
        "{% for m in messages %}{% if m.role == 'assistant' %}<|im_start|>assistant\n{% generation %}{{ m.content }}"
        "<|im_end|>{% endgeneration %}\n{% else %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
        ("<|im_start|>", "<|im_end|>"), "<|im_end|>",
    ),
    "granite-3": Family(
        "{% for m in messages %}<|start_of_role|>{{ m.role }}<|end_of_role|>{{ m.content }}<|end_of_text|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|start_of_role|>assistant<|end_of_role|>{% endif %}",
        ("<|end_of_text|>", "<|start_of_role|>", "<|end_of_role|>"), "<|end_of_text|>",
    ),
    "olmo-2": Family(
        "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}"
        "{{ '\n' if m.role == 'user' else eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
        ("<|endoftext|>",), "<|endoftext|>", True,
    ),
    "command-r": Family(
        "{{ bos_token }}{% for m in messages %}<|START_OF_TURN_TOKEN|>"
        "{% if m.role == 'system' %}<|SYSTEM_TOKEN|>{{ m.content }}{% elif m.role == 'user' %}"
        "<|USER_TOKEN|>{{ m.content.strip() }}{% else %}<|CHATBOT_TOKEN|>{{ m.content.strip() }}{% endif %}"
        "<|END_OF_TURN_TOKEN|>{% endfor %}"
        "{% if add_generation_prompt %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>{% endif %}",
        (
            "<BOS_TOKEN>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|SYSTEM_TOKEN|>",
            "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>",
        ),
        "<|END_OF_TURN_TOKEN|>", True,
    ),
    "command-r7b": Family(
        "{{ bos_token }}{% for m in messages %}<|START_OF_TURN_TOKEN|>"
        "{% if m.role == 'assistant' %}<|CHATBOT_TOKEN|><|START_RESPONSE|>{{ m.content }}<|END_RESPONSE|>"
        "{% else %}{{ '<|USER_TOKEN|>' if m.role == 'user' else '<|SYSTEM_TOKEN|>' }}{{ m.content }}{% endif %}"
        "<|END_OF_TURN_TOKEN|>{% endfor %}"
        "{% if add_generation_prompt %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>{% endif %}",
        (
            "<BOS_TOKEN>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|SYSTEM_TOKEN|>",
            "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>",
        ),
        "<|END_OF_TURN_TOKEN|>", True,
    ),
    "deepseek-v3": Family(
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}{% elif m.role == 'user' %}"
        "<｜User｜>{{ m.content }}{% else %}<｜Assistant｜>{{ m.content }}<｜end▁of▁sentence｜>{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<｜Assistant｜>{% endif %}",
        ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"), "<｜end▁of▁sentence｜>", True,
        ("<｜User｜>", "<｜Assistant｜>"),
    ),
}  # fmt: skip


def family_tokenizer(name: str):
    """A family's tokenizer."""
    family = FAMILIES[name]
    begin = family.special[0] if family.begins else None
    if family.sentencepiece:
        prefix = family.sentencepiece == "llama"
        tokenizer = make_sentencepiece(family.special, family.eos, begin, family.added, prefix)
    else:
        tokenizer = make_from(family.special, family.eos, begin, family.added)
    tokenizer.chat_template = family.template
    return tokenizer


def write_sentencepiece(tokenizer, folder: Path) -> None:
    """The tokenizer.model that a family's published folder has beside tokenizer.json."""
    if file := getattr(tokenizer, "sentencepiece", None):
        (folder / "tokenizer.model").write_bytes(file)

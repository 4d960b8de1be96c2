"""Proof of a GGUF file's vocabulary: llama.cpp writes and encodes prompts as training does.

It is tried in a file of a few tensors, before any weight is converted.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from gguf import GGUFWriter

from qaloom.errors import ModelError
from qaloom.export.gguf_vocabulary import Vocabulary, possible_vocabularies, write_vocabulary
from qaloom.inference.chat_template import rendered_ids
from qaloom.inference.encoding import Tokenizer, begin_ids
from qaloom.inference.llama_cpp import HEADERS, chat_prompt, start_llama_server, token_ids

# Texts at which the ways to split and to merge differ: digits, apostrophes, capitals, scripts, signs, white space.
SAMPLES = (
    "보증 기간은 얼마나 되나요?", "When is the library open?", "1 12 123 1234 12345 3.14 1,234.5 % ½ ² ①",
    "I've we'RE it's don'T 'tis o'clock's L'Été", "camelCaseWords HTTPServer iPhone15Pro ABCdef GmbH",
    "한글과 English가 섞인 문장입니다. 漢字と仮名 Привет мир", "  두  칸\t탭\n줄바꿈\n\n\n끝  ", "a\r\nb\n \n  c\n",
    "def f(x):\n    return {'a': x[0] + 1}  # 주석\n", "<b>bold</b> & &amp; /path/to\\file.txt\n/next",
    "🎉 👨‍👩‍👧 🇰🇷 ✅!!", "$5+3<=8>=7 ^ ~ | ` @ # =-=-=->", "「인용」…“따옴표”—대시・점",
    "!!!??? ...... ------ ______", "ㄱㄴㄷ ㅏㅑ ｆｕｌｌ　ｗｉｄｔｈ", "x = {y}; print(f'{x!r:>10}')",
    "https://example.com/a?b=c&d=%20#e",
    "제12조(수당) ① 월 1,250,000원을 지급한다.", "끝에 빈칸 ", " 앞에 빈칸",
    "naïve café Ångström Straße", "A.B.C. e.g. U.S.A.",
)  # fmt: skip
_WIDTH, _CONTEXT = 32, 8192


def proven_vocabulary(tokenizer: Tokenizer, folder: Path, ends: list[int], out: Path) -> None:
    """Write the vocabulary by which llama.cpp encodes every sample as the tokenizer does, as a GGUF file.

    `tokenizer` has the trained prompt for its chat template; an answer ends at the ids `ends`. Raises
    ModelError when there is no such vocabulary.
    """
    wanted = [rendered_ids(tokenizer, _chat(text)) for text in SAMPLES]
    # ChatML models may begin a turn with that token; they begin no text by it.
    begins = begin_ids(tokenizer) == [tokenizer.bos_token_id] == wanted[0][:1]
    differing = ""
    for vocabulary in possible_vocabularies(tokenizer, folder, begins):
        _write_probe(vocabulary, tokenizer, ends, out)
        found = _encoded(out, SAMPLES)
        differing = next((s for s, a, b in zip(SAMPLES, wanted, found, strict=True) if a != b), "")
        if not differing:
            return
    raise ModelError(
        f"llama.cpp encodes a prompt otherwise than the model's tokenizer does ({differing!r}); leave GGUF "
        "and Ollama out of export.formats for this model"
    )


def _encoded(file: Path, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of the prompts that llama.cpp writes by the file's template."""
    import httpx

    server = start_llama_server(file, "probe", _CONTEXT, slots=1, threads=1)
    with httpx.Client(base_url=server.listening_address, headers=HEADERS, timeout=60) as client:
        return [token_ids(client, chat_prompt(client, _chat(text))) for text in texts]


def _chat(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def _write_probe(vocabulary: Vocabulary, tokenizer: Tokenizer, ends: list[int], out: Path) -> None:
    """A Llama of one layer of zeros with a vocabulary."""
    writer = GGUFWriter(out, "llama")
    writer.add_block_count(1)
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_feed_forward_length(_WIDTH)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(vocabulary.tokens))
    write_vocabulary(writer, vocabulary, tokenizer, ends)
    square, norm = np.zeros((_WIDTH, _WIDTH), np.float16), np.ones(_WIDTH, np.float32)
    writer.add_tensor("token_embd.weight", np.zeros((len(vocabulary.tokens), _WIDTH), np.float16))
    writer.add_tensor("output_norm.weight", norm)
    for name in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.0.{name}.weight", norm)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        writer.add_tensor(f"blk.0.{name}.weight", square)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

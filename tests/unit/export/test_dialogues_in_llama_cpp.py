"""Dialogues in llama.cpp: an export's template writes the trained prompt, whatever the client sends."""

import httpx
import pytest
from dialogue_texts import GEMMA_2, HISTORY
from families import family_tokenizer
from family_models import family_model

from qaloom.export.gguf import to_gguf
from qaloom.export.merge import save_tokenizer
from qaloom.inference.chat_template import client_messages
from qaloom.inference.llama_cpp import HEADERS, chat_prompt, start_llama_server, token_ids
from qaloom.inference.prompt import Question, prompt_ids, prompt_kind

pytestmark = pytest.mark.slow

SYSTEM = "너는 시립 도서관의 안내원이다.\n모르면 '모른다'고 답한다. {{ 7 }}"


@pytest.mark.parametrize("name", ["gemma", "gemma-3-in-parts", "polyglot-ko"])
def test_the_export_writes_the_trained_dialogue(tmp_path, name):
    tokenizer = family_tokenizer(name)
    if name == "gemma":
        tokenizer.chat_template = GEMMA_2
    kind = prompt_kind("auto", tokenizer)
    folder = family_model(name, tmp_path / "model")
    save_tokenizer(tokenizer, kind, folder, SYSTEM)
    to_gguf(folder, "f16", tmp_path / "model.gguf")
    server = start_llama_server(tmp_path / "model.gguf", name, 512, 1)
    with httpx.Client(base_url=server.listening_address, headers=HEADERS, timeout=60) as client:
        for own in ("", "다른 지시"):
            for history in ([], HISTORY):
                chat = client_messages(kind, Question("주말에는요?", "", own, history))
                wanted = prompt_ids(tokenizer, kind, "주말에는요?", "", own or SYSTEM, history)
                found = token_ids(client, chat_prompt(client, chat))
                assert found == wanted, tokenizer.decode(found)

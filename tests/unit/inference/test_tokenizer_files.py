"""Tokenizer files of an adapter, a merge or an export: what the base model's folder has, and can be read from."""

import pytest
from families import FAMILIES, family_tokenizer, write_sentencepiece
from transformers import AutoTokenizer

from qaloom.export.merge import save_tokenizer
from qaloom.files import read_json, write_json
from qaloom.inference.chat_template import client_messages, rendered_ids
from qaloom.inference.prompt import Question, load_tokenizer, prompt_ids
from qaloom.inference.tokenizer_files import write_tokenizer


def test_the_sentencepiece_file_travels_with_the_tokens_added_to_it(tmp_path):
    base, run, export = (tmp_path / name for name in ("base", "run", "export"))
    for folder in (base, run, export):
        folder.mkdir()
    tokenizer = family_tokenizer("eeve")
    tokenizer.save_pretrained(base)
    write_sentencepiece(tokenizer, base)
    write_tokenizer(load_tokenizer(base), run)
    write_tokenizer(load_tokenizer(run), export)
    write_tokenizer(load_tokenizer(export), export)
    assert (export / "tokenizer.model").read_bytes() == tokenizer.sentencepiece
    added = read_json(export / "tokenizer_config.json")["added_tokens_decoder"]
    assert {token["content"] for token in added.values()} >= set(FAMILIES["eeve"].special)
    text = "가람시 <|im_end|> 27"
    assert AutoTokenizer.from_pretrained(export)(text)["input_ids"] == tokenizer(text)["input_ids"]


def test_a_tokenizer_without_one_brings_none(tmp_path):
    write_tokenizer(family_tokenizer("llama-3"), tmp_path)
    assert not (tmp_path / "tokenizer.model").exists()
    assert "added_tokens_decoder" not in read_json(tmp_path / "tokenizer_config.json")


def test_a_tokenizer_class_adds_no_token_that_the_model_has_no_row_for(tmp_path):
    """transformers' class for Qwen 2 adds <|endoftext|> to a vocabulary without it."""
    from transformers import Qwen2Config

    tokenizer = family_tokenizer("deepseek-r1")
    tokenizer.save_pretrained(tmp_path)
    Qwen2Config(vocab_size=len(tokenizer)).save_pretrained(tmp_path)
    assert len(load_tokenizer(tmp_path)) == len(tokenizer)


@pytest.mark.parametrize("scheme", ["always", "first"])
@pytest.mark.parametrize("kind", ["chat", "plain"])
def test_a_space_after_a_special_token_stays_as_it_is_trained(tmp_path, scheme, kind):
    """transformers' class for Llama does not save whether SentencePiece puts a space after every special token."""
    base, run, export = (tmp_path / name for name in ("base", "run", "export"))
    _llama_folder(base, scheme)
    trained = load_tokenizer(base)
    write_tokenizer(trained, run)
    save_tokenizer(load_tokenizer(run), kind, export)
    for question in (Question("어디?"), Question("어디?", "", "지시", [("언제?", "9시")])):
        wanted = prompt_ids(trained, kind, *question)
        assert trained.convert_ids_to_tokens(wanted[1]).startswith("▁") == (scheme == "always")
        assert prompt_ids(load_tokenizer(run), kind, *question) == wanted
        assert rendered_ids(load_tokenizer(export), client_messages(kind, question)) == wanted


def _llama_folder(folder, scheme):
    """A tokenizer of class LlamaTokenizer, with the space after every special token or at a text's begin."""
    tokenizer = family_tokenizer("llama-2")
    turn = "#{{ m.content }}{{ eos_token if m.role == 'assistant' }}"
    tokenizer.chat_template = "{{ bos_token }}{% for m in messages %}" + turn + "{% endfor %}"
    tokenizer.save_pretrained(folder)
    inner = read_json(folder / "tokenizer.json")
    space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": False}
    write_json(folder / "tokenizer.json", inner | {"normalizer": None, "pre_tokenizer": space})
    named = {"tokenizer_class": "LlamaTokenizer", "legacy": scheme == "always"}
    write_json(folder / "tokenizer_config.json", read_json(folder / "tokenizer_config.json") | named)

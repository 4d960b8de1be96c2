"""Tokenizer files of an adapter, a merge or an export: what the base model's folder has, and can be read from."""

from families import FAMILIES, family_tokenizer, write_sentencepiece
from transformers import AutoTokenizer

from qaloom.files import read_json
from qaloom.inference.prompt import load_tokenizer
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

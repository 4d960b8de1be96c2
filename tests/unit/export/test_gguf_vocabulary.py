"""Vocabulary of a GGUF file: llama.cpp encodes as the tokenizer does, or the export is refused in one line."""

import pytest
from families import family_tokenizer
from gguf import GGUFReader, TokenType

from qaloom.errors import ModelError
from qaloom.export.gguf_proof import proven_vocabulary
from qaloom.export.gguf_vocabulary import possible_vocabularies
from qaloom.export.merge import save_tokenizer
from qaloom.files import write_json
from qaloom.inference.prompt import load_tokenizer, prompt_kind, stop_ids


def saved(tokenizer, folder, rows=0):
    """A tokenizer in the folder of a merged model with `rows` embeddings."""
    save_tokenizer(tokenizer, prompt_kind("auto", tokenizer), folder)
    write_json(folder / "config.json", {"vocab_size": rows or len(tokenizer)})
    return load_tokenizer(folder)


def proven(tokenizer, folder):
    tokenizer.pad_token = tokenizer.eos_token
    ends = stop_ids(tokenizer, prompt_kind("auto", tokenizer))
    proven_vocabulary(saved(tokenizer, folder), folder, ends, folder / "vocabulary.gguf")
    fields = GGUFReader(folder / "vocabulary.gguf").fields
    return {name: field.contents() for name, field in fields.items() if name.startswith("tokenizer.")}


def test_tokens_added_to_a_sentencepiece_vocabulary_are_in_the_file(tmp_path):
    tokenizer = family_tokenizer("eeve")
    found = proven(tokenizer, tmp_path)
    number = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert found["tokenizer.ggml.tokens"][number] == "<|im_end|>"
    assert found["tokenizer.ggml.token_type"][number] == TokenType.CONTROL
    assert found["tokenizer.ggml.model"] == "llama"


def test_the_begin_token_is_the_trained_prompts(tmp_path):
    assert proven(family_tokenizer("gemma"), tmp_path / "a")["tokenizer.ggml.add_bos_token"] is True
    # SOLAR's tokenizer adds one to a text, its chat template writes none.
    assert proven(family_tokenizer("solar"), tmp_path / "b")["tokenizer.ggml.add_bos_token"] is False


def test_an_end_of_turn_that_is_not_the_end_of_text_ends_answers_too(tmp_path):
    tokenizer = family_tokenizer("llama-3")
    found = proven(tokenizer, tmp_path)
    assert found["tokenizer.ggml.eot_token_id"] == tokenizer.convert_tokens_to_ids("<|eot_id|>")
    assert found["tokenizer.ggml.eos_token_id"] == tokenizer.eos_token_id


def test_rows_of_a_model_without_a_token_are_filled_up_and_tokens_without_a_row_left_out(tmp_path):
    tokenizer = family_tokenizer("qwen-3")
    size = len(tokenizer)
    (more,) = possible_vocabularies(saved(tokenizer, tmp_path, size + 2), tmp_path, False)
    assert more.tokens[-2:] == [f"[PAD{size}]", f"[PAD{size + 1}]"]
    assert more.types[-2:] == [TokenType.UNUSED] * 2
    (fewer,) = possible_vocabularies(saved(tokenizer, tmp_path, size - 1), tmp_path, False)
    assert len(fewer.tokens) == size - 1


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+", "llama-bpe"),
        (r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+", "qwen2"),
        (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}]*[\p{Ll}]+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+", "gpt-4o"),
        (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}]*[\p{Ll}]+|\p{N}| ?[^\s\p{L}\p{N}]+", "tekken"),
    ],
)
def test_a_way_to_split_is_known_by_its_pattern(tmp_path, pattern, name):
    from tokenizers import Regex, pre_tokenizers

    tokenizer = family_tokenizer("llama-3")
    parts = [
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
    (found,) = possible_vocabularies(saved(tokenizer, tmp_path), tmp_path, False)
    assert found.split == name


def test_a_tokenizer_that_changes_texts_as_llama_cpp_cannot_is_refused(tmp_path):
    from tokenizers import normalizers

    tokenizer = family_tokenizer("polyglot-ko")
    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(ModelError, match="encodes a prompt otherwise than the model's tokenizer") as raised:
        proven(tokenizer, tmp_path)
    assert "\n" not in str(raised.value)


def test_a_kind_of_tokenizer_that_llama_cpp_has_not_is_refused(tmp_path):
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    unigram = Tokenizer(models.Unigram([("<unk>", 0.0), ("</s>", 0.0), ("a", -1.0)], unk_id=0))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=unigram, eos_token="</s>", unk_token="<unk>")
    with pytest.raises(ModelError, match=r"no tokenizer of this model's kind \(Unigram\)"):
        proven(tokenizer, tmp_path)

"""Translating: the tiny Marian pair with the real loader, batches, and each family's languages."""

import json
from types import SimpleNamespace

import pytest
from make_translators import known_questions

from qaloom.augment.backtranslation import _TOKENS_AT_ONCE, Translator, _cache, _EndAt
from qaloom.base_model.stage import model_name
from qaloom.config.load import complete
from qaloom.config.settings import Seq2seqSettings, typed
from qaloom.errors import DeviceError, ModelError
from qaloom.inference.onednn_linear import pack_linear_layers
from qaloom.inference.translation_cache import open_memory
from qaloom.text.rephrase import rewrite


def settings(**changed):
    config = {"data": {"sources": ["a"]}, "runs": {"one": {}}, "augment": {"seq2seq": {"beams": 2} | changed}}
    return typed(complete(config)["augment"]["seq2seq"], Seq2seqSettings)


@pytest.fixture
def korean_english(translators):
    """A function that makes the translator ko-en with some settings."""
    named, models = translators
    return lambda variants=1, **changed: Translator(
        models / model_name(named["ko-en"]), "ko", "en", settings(**changed), variants
    )


def translate(translator, texts, folder):
    done = []
    with open_memory(folder, translator.cache_key) as memory:
        return translator.translate(texts, memory, done.append), memory, done


def test_what_it_learnt_comes_back(korean_english, tmp_path):
    korean, english = known_questions()
    made, memory, done = translate(korean_english(), korean, tmp_path)
    assert made == {ko: [rewrite(en)[0]] for ko, en in zip(korean, english, strict=True)}
    assert (memory.made, memory.found) == (len(korean), 0)
    assert done[-1] == len(korean)


def test_nothing_is_translated_twice_and_only_what_is_new(korean_english, tmp_path, monkeypatch):
    korean, _ = known_questions()
    before, *_ = translate(korean_english(), korean[:-1], tmp_path)
    asked = []
    translator = korean_english()
    original = translator._generate
    monkeypatch.setattr(translator, "_generate", lambda texts: asked.extend(texts) or original(texts))
    after, memory, _ = translate(translator, korean, tmp_path)
    assert asked == korean[-1:] and (memory.made, memory.found) == (1, len(korean) - 1)
    assert after.items() >= before.items()


def test_all_known_loads_no_model(korean_english, tmp_path, monkeypatch):
    korean, _ = known_questions()
    translate(korean_english(), korean, tmp_path)
    monkeypatch.setattr("qaloom.augment.backtranslation._model", lambda folder: pytest.fail("loaded"))
    assert len(translate(korean_english(), korean, tmp_path)[0]) == len(korean)


def test_batches_hold_texts_of_a_length_and_are_bounded_by_tokens(korean_english, monkeypatch):
    korean, _ = known_questions()
    monkeypatch.setitem(_TOKENS_AT_ONCE, "cpu", 80)
    translator = korean_english()
    batches = list(translator._batches(korean))
    lengths = [[len(ids) for ids in translator._ids(batch)] for batch in batches]
    assert sorted(text for batch in batches for text in batch) == sorted(korean)
    assert len(batches) > 2
    assert all(max(each) * 2 * len(each) <= 80 or len(each) == 1 for each in lengths)
    flat = [length for each in lengths for length in each]
    assert flat == sorted(flat, reverse=True)


@pytest.mark.parametrize("beams", [1, 4])
def test_batches_say_what_each_text_alone_says(translators, tmp_path, monkeypatch, beams):
    named, models = translators
    folder, english = models / model_name(named["en-ko"]), known_questions()[1]
    translator = Translator(folder, "en", "ko", settings(beams=beams), 1)
    together, *_ = translate(translator, english, tmp_path / "together")
    monkeypatch.setitem(_TOKENS_AT_ONCE, "cpu", 1)
    assert translate(translator, english, tmp_path / "alone")[0] == together


WIDTHS = {"layers": 2, "attention_heads": 2, "ffn_dim": 32}
FAMILIES = {
    "Marian": {"pad_token_id": 60, "decoder_start_token_id": 60},
    "M2M100": {},
    "MBart": {},
    "T5": {"num_layers": 2, "d_kv": 8, "d_ff": 32, "decoder_start_token_id": 0},
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("beams", [1, 4])
def test_what_makes_it_quick_changes_no_translation(family, beams):
    """Random weights, large enough that words differ much in what they score."""
    import torch
    import transformers

    torch.manual_seed(3)
    sizes = {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in WIDTHS.items()}
    config = getattr(transformers, f"{family}Config")(
        vocab_size=61, d_model=16, init_std=0.5, initializer_factor=3.0, **sizes, **FAMILIES[family]
    )
    model = transformers.AutoModelForSeq2SeqLM.from_config(config).eval()
    ids = torch.randint(4, 60, (5, 7))
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids).tril(3), "num_beams": beams}
    given |= {"max_new_tokens": 12, "num_return_sequences": beams, "no_repeat_ngram_size": 2}
    plain = model.generate(**given)
    pack_linear_layers(model)
    ours = model.generate(**given, past_key_values=_cache(model.config))
    assert torch.equal(ours, plain)
    assert len(plain.unique()) > 5


@pytest.mark.parametrize("ways", [{}, {"num_beams": 4, "num_return_sequences": 2}, {"do_sample": True}])
def test_each_text_ends_at_its_own_limit(ways):
    """Also one whose model would go on for ever."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, M2M100Config

    torch.manual_seed(3)
    sizes = {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in WIDTHS.items()}
    model = AutoModelForSeq2SeqLM.from_config(M2M100Config(vocab_size=61, d_model=16, **sizes)).eval()
    limits, end = [3, 9, 5], model.config.eos_token_id
    made = model.generate(
        input_ids=torch.randint(4, 60, (3, 7)),
        max_new_tokens=9,
        logits_processor=[_EndAt(limits, end)],
        **ways,
    )
    each = [limit for limit in limits for _ in range(len(made) // len(limits))]
    lengths = [row[1:].tolist().index(end) + 1 for row in made]
    assert all(length <= limit for length, limit in zip(lengths, each, strict=True))
    assert max(lengths) == 9  # it would go on if it were let


def test_variants_by_beam_search_and_by_chance(korean_english, tmp_path):
    korean, _ = known_questions()
    beam, *_ = translate(korean_english(3), korean[:2], tmp_path)
    assert all(1 < len(variants) <= 3 for variants in beam.values())
    drawn = {"sampling": True, "temperature": 1.5, "top_p": 1}
    one, two, other = (
        translate(korean_english(4, seed=seed, **drawn), korean, tmp_path / str(n))[0]
        for n, seed in enumerate((1, 1, 2))
    )
    assert one == two != other


def test_a_setting_that_decides_nothing_keeps_the_memory(korean_english):
    assert korean_english().cache_key == korean_english(temperature=0.5, seed=9, top_p=0.5).cache_key
    assert korean_english().cache_key != korean_english(beams=3).cache_key
    assert korean_english(sampling=True).cache_key != korean_english(sampling=True, seed=9).cache_key


def test_a_batch_that_does_not_fit_is_halved(korean_english, monkeypatch):
    import torch

    translator, held = korean_english(), []

    def generate(texts):
        if len(texts) > 2:
            raise torch.OutOfMemoryError
        held.append(len(texts))
        return {text: [text] for text in texts}

    monkeypatch.setattr(translator, "_generate", generate)
    assert [list(made) for made in translator._fitting(list("abcde"))] == [["a", "b"], ["c"], ["d", "e"]]
    monkeypatch.setattr(translator, "_generate", lambda texts: (_ for _ in ()).throw(torch.OutOfMemoryError))
    with pytest.raises(DeviceError, match=r"lower augment\.seq2seq\.beams"):
        list(translator._fitting(["a"]))


@pytest.mark.parametrize("damage", ["model.safetensors", "source.spm", "config.json"])
def test_a_model_that_cannot_be_loaded_is_one_line(translators, tmp_path, damage):
    named, models = translators
    folder = tmp_path / "model"
    folder.mkdir()
    for file in (models / model_name(named["ko-en"])).iterdir():
        if file.name != damage:
            (folder / file.name).write_bytes(file.read_bytes())
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"files": {}}))  # or its digests would tell
    with pytest.raises(ModelError, match="cannot be loaded as a translation model") as caught:
        translate(Translator(folder, "ko", "en", settings(), 1), ["본원은 어디인가요?"], tmp_path)
    assert "\n" not in str(caught.value)


# --- what each family wants to know of the languages --------------------------------------------------


def of_family(monkeypatch, tokenizer, family, source="ko", target="en", **changed):
    monkeypatch.setattr(
        "qaloom.augment.backtranslation._model",
        lambda folder: SimpleNamespace(config=SimpleNamespace(model_type=family)),
    )
    translator = Translator(None, source, target, settings(**changed), 1)
    translator.__dict__["tokenizer"] = tokenizer
    return translator._prefix, translator._target_id, getattr(tokenizer, "src_lang", None)


def m2m100(**more):
    ids = {"ko": 7, "en": 8}
    return SimpleNamespace(src_lang="en", lang_code_to_id=ids, get_lang_id=ids.__getitem__, **more)


def coded(*codes):
    ids = {code: number for number, code in enumerate(codes, 5)}
    return SimpleNamespace(src_lang=codes[0], get_vocab=lambda: ids, convert_tokens_to_ids=ids.__getitem__)


def test_m2m100(monkeypatch):
    assert of_family(monkeypatch, m2m100(), "m2m_100") == ("", 8, "ko")


def test_nllb(monkeypatch):
    nllb = coded("eng_Latn", "kor_Hang", "gle_Latn")
    assert of_family(monkeypatch, nllb, "m2m_100") == ("", 5, "kor_Hang")
    assert of_family(monkeypatch, nllb, "m2m_100", target="ga", codes={"ga": "gle_Latn"})[1] == 7
    with pytest.raises(ModelError, match=r"does not know the language 'ga'; .*augment\.seq2seq\.codes"):
        of_family(monkeypatch, nllb, "m2m_100", target="ga")


def test_mbart(monkeypatch):
    assert of_family(monkeypatch, coded("en_XX", "ko_KR"), "mbart") == ("", 5, "ko_KR")


def test_t5(monkeypatch):
    assert of_family(monkeypatch, SimpleNamespace(), "t5")[:2] == ("translate Korean to English: ", None)
    own = of_family(monkeypatch, SimpleNamespace(), "t5", prefix="{source}->{target} ")
    assert own[0] == "Korean->English "


def test_marian(monkeypatch):
    pair = SimpleNamespace(supported_language_codes=[])
    many = SimpleNamespace(supported_language_codes=[">>jpn<<", ">>kor_Hang<<"])
    assert of_family(monkeypatch, pair, "marian")[:2] == ("", None)
    assert of_family(monkeypatch, many, "marian", "en", "ko")[:2] == (">>kor_Hang<< ", None)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["m2m100", "mbart"])
def test_multilingual_models_go_both_ways(family, translators, tmp_path):
    """Random weights, the real classes, saved and loaded: noise comes out, in the right language."""
    folder = tmp_path / family
    make_multilingual(family, folder, next(translators[1].glob("*/source.spm")))
    for source, target in (("ko", "en"), ("en", "ko")):
        translator = Translator(folder, source, target, settings(), 1)
        assert list(translate(translator, ["본원은 어디인가요?"], tmp_path)[0]) == ["본원은 어디인가요?"]
        code = translator._target_id
        assert translator.tokenizer.convert_ids_to_tokens(code).strip("_")[:2] == target
        first = translator._ids(["a"])[0]
        assert translator.tokenizer.convert_tokens_to_ids(f"__{source}__") in first or family == "mbart"


def make_multilingual(family, folder, pieces):
    """A model of one layer with random weights, its tokenizer, and base_model's manifest."""
    import json

    import sentencepiece
    import torch
    from transformers import (
        M2M100Config,
        M2M100ForConditionalGeneration,
        M2M100Tokenizer,
        MBart50Tokenizer,
        MBartConfig,
        MBartForConditionalGeneration,
    )

    folder.mkdir()
    torch.manual_seed(0)
    if family == "m2m100":
        loaded = sentencepiece.SentencePieceProcessor(model_file=str(pieces))
        words = ["<s>", "<pad>", "</s>", "<unk>"]
        words += [w for n in range(loaded.vocab_size()) if (w := loaded.id_to_piece(n)) not in words]
        (folder / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(words)}))
        tokenizer = M2M100Tokenizer(str(folder / "vocab.json"), str(pieces))
        kind, config = M2M100ForConditionalGeneration, M2M100Config
    else:
        tokenizer = MBart50Tokenizer(vocab_file=str(pieces))
        kind, config = MBartForConditionalGeneration, MBartConfig
    sizes = {f"{side}_{name}": n for side in ("encoder", "decoder") for name, n in
             (("layers", 1), ("attention_heads", 2), ("ffn_dim", 32))}  # fmt: skip
    model = kind(config(vocab_size=len(tokenizer) + 128, d_model=16, max_position_embeddings=128, **sizes))
    model.generation_config.update(decoder_start_token_id=2, pad_token_id=1, eos_token_id=2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "manifest.json").write_text(json.dumps({"origin": family, "sha256": "1" * 64}))

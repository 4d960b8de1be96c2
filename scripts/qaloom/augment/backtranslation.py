"""Translate texts with any encoder-decoder of Hugging Face: Marian, M2M100, NLLB, mBART, T5.

Texts of similar length share a batch, batches are bounded by tokens, and each is kept as soon as it is there.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from qaloom.config.settings import Seq2seqSettings
from qaloom.errors import DeviceError, ModelError, first_line
from qaloom.files import digest
from qaloom.inference.translation_cache import TranslationMemory
from qaloom.trained_run import base_manifest

_TOKENS_AT_ONCE = {"cpu": 2_048, "cuda": 65_536}  # source tokens times beams in one batch
# The codes of NLLB-200; the other families name their languages by the two letters that a config does.
_NLLB = {
    "ko": "kor_Hang", "en": "eng_Latn", "ja": "jpn_Jpan", "zh": "zho_Hans", "de": "deu_Latn",
    "fr": "fra_Latn", "es": "spa_Latn", "it": "ita_Latn", "pt": "por_Latn", "ru": "rus_Cyrl",
    "vi": "vie_Latn", "id": "ind_Latn", "th": "tha_Thai", "tr": "tur_Latn", "ar": "arb_Arab",
}  # fmt: skip
_NAMES = {
    "ko": "Korean", "en": "English", "ja": "Japanese", "zh": "Chinese", "de": "German", "fr": "French",
    "es": "Spanish", "it": "Italian", "pt": "Portuguese", "ru": "Russian", "vi": "Vietnamese",
}  # fmt: skip


class Translator:
    """One direction of one model; its weights are read only when a text has to be translated.

    `folder` is where the stage base_model put the reference; `variants` is the number of translations of a text.
    """

    def __init__(self, folder: Path, source: str, target: str, settings: Seq2seqSettings, variants: int):
        self.folder, self.source, self.target = folder, source, target
        self.settings, self.variants = settings, variants

    @cached_property
    def cache_key(self) -> dict[str, Any]:
        """Everything that decides a translation: weights, direction, prefix, codes, generation settings."""
        ways = ["beams", "prefix", "codes"]
        ways += ["sampling", "temperature", "top_p", "seed"] if self.settings.sampling else []
        return {
            "weights": base_manifest(self.folder).sha256,
            "direction": f"{self.source}-{self.target}",
            "variants": self.variants,
        } | {key: getattr(self.settings, key) for key in ways}

    @cached_property
    def tokenizer(self) -> Any:
        return _loading(self.folder, "AutoTokenizer", lambda auto: auto.from_pretrained(self.folder))

    @property
    def model(self) -> Any:
        return _model(self.folder)

    def translate(
        self, texts: Sequence[str], memory: TranslationMemory, advance: Callable[[int], None]
    ) -> dict[str, list[str]]:
        """Each text with its translations, most likely first; what the memory has is not translated again.

        `advance` gets the number of texts that are done. Raises ModelError when the model cannot be loaded or
        does not know the languages, DeviceError when not even one text fits into the GPU's memory.
        """
        known = memory.get(texts)
        advance(len(known))
        if len(known) < len(set(texts)):
            for batch in self._batches(sorted(set(texts))):
                todo = [text for text in batch if text not in known]
                for made in self._fitting(todo):
                    memory.put(made)
                    known |= made
                    advance(len(known))
        return known

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """All texts in batches, those of a length together.

        Batches are made of all texts, translated before or not: a run that was killed goes on with the very
        batches of an undisturbed one, and numerics, which depend on a batch, come out the same.
        """
        lengths = dict(zip(texts, map(len, self._ids(texts)), strict=True))
        queue = sorted(texts, key=lambda text: (-lengths[text], text))
        budget = _TOKENS_AT_ONCE[self.model.device.type]
        while queue:
            rows = max(1, budget // (lengths[queue[0]] * self._ways))
            yield queue[:rows]
            queue = queue[rows:]

    def _fitting(self, batch: list[str]) -> Iterator[dict[str, list[str]]]:
        """Translate a batch, in halves if the GPU cannot hold it."""
        import torch

        parts = [batch] if batch else []
        while parts:
            part = parts.pop(0)
            try:
                made = self._generate(part)
            except torch.OutOfMemoryError:
                if len(part) == 1:
                    raise DeviceError(
                        "one text does not fit into the GPU's free memory beside the translation model; "
                        "close what holds it, or lower augment.seq2seq.beams"
                    ) from None
                half = len(part) // 2
                parts[:0] = [part[:half], part[half:]]
            else:
                yield made

    def _generate(self, texts: list[str]) -> dict[str, list[str]]:
        import torch

        ids = self._ids(texts)
        inputs = self.tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(self.model.device)
        if self.settings.sampling:
            torch.manual_seed(int(digest([self.settings.seed, texts])[:15], 16))
        limits = [longest(len(one)) for one in ids]
        with torch.inference_mode():
            output = self.model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                num_return_sequences=self.variants,
                max_new_tokens=max(limits),
                logits_processor=[_EndAt(limits, self.tokenizer.eos_token_id)],
                past_key_values=_cache(self.model.config),
                **self._generation,
            )
        lines = [text.strip() for text in self.tokenizer.batch_decode(output, skip_special_tokens=True)]
        each = range(0, len(lines), self.variants)
        variants = [list(dict.fromkeys(lines[n : n + self.variants])) for n in each]
        return dict(zip(texts, variants, strict=True))

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        prefix = self._prefix
        lines = [prefix + text for text in texts]
        return self.tokenizer(lines)["input_ids"]

    @property
    def _ways(self) -> int:
        """Sequences that a text takes up while it is translated."""
        return self.variants if self.settings.sampling else max(self.settings.beams, self.variants)

    @cached_property
    def _generation(self) -> dict[str, Any]:
        way: dict[str, Any] = {"num_beams": self._ways, "do_sample": False, "early_stopping": True}
        if self.settings.sampling:
            sampled = {"temperature": self.settings.temperature, "top_p": self.settings.top_p}
            way = {"num_beams": 1, "do_sample": True, "top_k": 0, **sampled}
        elif self._ways == 1:
            way.pop("early_stopping")
        begin = self._target_id
        return way | ({} if begin is None else {"forced_bos_token_id": begin})

    # --- languages ----------------------------------------------------------------------------------------

    @cached_property
    def _prefix(self) -> str:
        """The prefix that the family wants before a text; also tells the tokenizer the source language."""
        family = self.model.config.model_type
        given = self.settings.prefix
        if given or family in ("t5", "mt5", "umt5"):
            names = {
                "source": _NAMES.get(self.source, self.source),
                "target": _NAMES.get(self.target, self.target),
            }
            return (given or "translate {source} to {target}: ").format(**names)
        if family == "marian":
            label = self._marian_label()
            return f"{label} " if label else ""
        if hasattr(self.tokenizer, "src_lang"):
            self.tokenizer.src_lang = self._code(self.source)
        return ""

    @cached_property
    def _target_id(self) -> int | None:
        """The token that begins a text of the target language, for families that have one."""
        if self.model.config.model_type == "marian" or not hasattr(self.tokenizer, "src_lang"):
            return None
        code = self._code(self.target)
        if hasattr(self.tokenizer, "get_lang_id"):
            return self.tokenizer.get_lang_id(code)
        return self.tokenizer.convert_tokens_to_ids(code)

    def _marian_label(self) -> str:
        """>>kor<< for a Marian model with several target languages; '' for a pair."""
        labels = [token.strip("><") for token in self.tokenizer.supported_language_codes]
        if not labels:
            return ""
        wanted = [self.settings.codes.get(self.target), self.target, _NLLB.get(self.target, "")[:3]]
        found = [
            label
            for code in wanted
            if code
            for label in labels
            if label.split("_")[0] == code or label == code
        ]
        if not found:
            raise self._unknown(self.target)
        return f">>{found[0]}<<"

    def _code(self, language: str) -> str:
        """The tokenizer's own code of a language: ko, ko_KR or kor_Hang."""
        known = getattr(self.tokenizer, "lang_code_to_id", None) or self.tokenizer.get_vocab()
        given = self.settings.codes.get(language)
        for code in (given, language, _NLLB.get(language)):
            if code and code in known:
                return code
        regional = [code for code in known if code.startswith(f"{language}_") and len(code) == 5]
        if given or not regional:
            raise self._unknown(language)
        return sorted(regional)[0]

    def _unknown(self, language: str) -> ModelError:
        return ModelError(
            f"{self.folder} does not know the language {language!r}; name its own code for it in "
            f"augment.seq2seq.codes (such as {language}: {_NLLB.get(language, 'xxx_Latn')})"
        )


@lru_cache(maxsize=2)  # a model that goes both ways is read once; of more than two the oldest goes
def _model(folder: Path) -> Any:
    """float32 on a CPU; on a GPU the 16-bit type that it is quick in."""
    from qaloom.inference.model import device_and_dtype
    from qaloom.inference.onednn_linear import pack_linear_layers

    device, dtype = device_and_dtype()
    read = lambda auto: auto.from_pretrained(folder, dtype=dtype).to(device).eval()  # noqa: E731
    model = _loading(folder, "AutoModelForSeq2SeqLM", read)
    pack_linear_layers(model)
    return model


def longest(source: int) -> int:
    """The most tokens that a translation of so many tokens may have: more is a model that cannot end."""
    return 3 * source + 32


class _EndAt:
    """Has each translation end at its own limit in tokens, whatever it is made beside."""

    def __init__(self, limits: Sequence[int], end: int):
        self.limits, self.end = limits, end

    def __call__(self, ids: Any, scores: Any) -> Any:
        """Scores (rows x words) of what follows `ids`; each text has as many rows, one after the other."""
        import torch

        limits = torch.tensor(self.limits, device=scores.device)
        over = limits.repeat_interleave(len(scores) // len(limits)) <= ids.shape[1]
        if over.any():  # seldom, and a pass over all scores takes its time
            scores[over] = -torch.inf
            scores[over, self.end] = 0
        return scores


def _cache(config: Any) -> Any:
    """What generate() would make, but for this: keys and values of the source stay where they are.

    After each word the beams of a text change places; they have the same source, so that moving its keys and
    values, often more than those of the words so far, would change nothing.
    """
    from transformers import DynamicCache, EncoderDecoderCache

    from qaloom.compat_transformers import keep_in_place

    words, source = (DynamicCache(config=config.get_text_config(decoder=True)) for _ in range(2))
    keep_in_place(source)
    return EncoderDecoderCache(words, source)


def _loading(folder: Path, name: str, load: Callable[[Any], Any]) -> Any:
    import transformers
    from safetensors import SafetensorError

    try:
        return load(getattr(transformers, name))
    # A tokenizer whose files are missing fails in ways of its own (TypeError, AssertionError).
    except (OSError, ValueError, KeyError, TypeError, AssertionError, ImportError, SafetensorError) as error:
        raise ModelError(
            f"{folder} cannot be loaded as a translation model ({first_line(error)}); "
            "name an encoder-decoder such as hub:Helsinki-NLP/opus-mt-ko-en"
        ) from None

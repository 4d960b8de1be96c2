"""Values and codes as text in the page's two languages; strings.yaml and sentences.yaml hold the words."""

from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup

from qaloom.console import duration
from qaloom.sentences import in_korean

HERE = Path(__file__).parent
STRINGS: dict[str, dict[str, str]] = yaml.safe_load((HERE / "strings.yaml").read_text("utf-8"))
_IN_LANGUAGE = Markup('<span class="t" lang="{}">{}</span>')


# ---------------------------------------------------------------- numbers


def percent(value: float | None) -> str:
    """A share as a percentage with one decimal; a dash for none."""
    return "–" if value is None else f"{100 * value:.1f}%"


def number(value: float | None, digits: int = 2) -> str:
    """A number with thousands separators; a dash for none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def p_value(value: float | None) -> str:
    """A p-value, to three decimals."""
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def points(value: float | None) -> str:
    """A difference of two shares in percentage points, signed, with a true minus."""
    return "–" if value is None else f"{100 * value:+.1f}".replace("-", "−")


def facts(values: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    """A nested dictionary as (key, text) pairs; inner keys are joined by spaces."""
    pairs: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{above} {key}".strip()
        if isinstance(value, dict):
            pairs += facts(value, name)
        else:
            pairs.append((name, fact_text(name, value)))
    return pairs


def fact_text(key: str, value: Any) -> str:
    """A recorded value as text, its unit taken from the key; `value.…` is a key of the strings."""
    if isinstance(value, bool) or value is None:
        return {True: "value.yes", False: "value.no", None: "value.none"}[value]
    if isinstance(value, int | float):
        return _quantity(key, value)
    if isinstance(value, list):
        return _listed(value)
    return str(value)


def _listed(values: list[Any]) -> str:
    """Items as text; of records, such as plans that did not fit, how many there are."""
    if any(isinstance(one, dict) for one in values):
        return str(len(values))
    return ", ".join(map(str, values)) or "value.none"


def _quantity(key: str, value: float) -> str:
    if "speeds" in key:
        return f"{value / 1e12:.3g} TFLOP/s" if value >= 1e12 else f"{value / 1e9:.3g} GFLOP/s"
    if key.endswith("step_seconds"):
        return f"{value:.3g} s"
    if key.endswith("seconds"):
        return duration(value)
    if key.endswith("bytes"):
        return f"{value / 2**30:.2f} GiB"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


# ---------------------------------------------------------------- words


def both(key: str, **values: Any) -> Markup:
    """A string of the table in both languages; the page's style shows one. Values are escaped."""
    return spans({language: Markup(text).format(**values) for language, text in STRINGS[key].items()})


def spans(texts: dict[str, str]) -> Markup:
    """A text in both languages, by language; the page's style shows one."""
    return Markup("").join(_IN_LANGUAGE.format(language, text) for language, text in texts.items())


def text_in(language: str, key: str, **values: str) -> str:
    """A string of the table in one language, as plain text."""
    return STRINGS[key][language].format(**values)


def aria(key: str, **values: str) -> Markup:
    """Attributes that name a part for screen readers, in English until page.js translates it."""
    named = Markup('aria-label="{}" data-i18n-label="{}"').format(STRINGS[key]["en"].format(**values), key)
    return named + Markup("").join(Markup(' data-{}="{}"').format(*value) for value in values.items())


def label(kind: str, code: str) -> Markup:
    """The name of a code in both languages where the table has one, else the code itself, readable."""
    key = f"{kind}.{code}"
    return both(key) if key in STRINGS else Markup.escape(code.replace("_", " "))


def fact_label(key: str) -> Markup:
    """The name of a recorded key; of a nested one that the table lacks, its parent's and its own name."""
    outer, _, inner = key.rpartition(" ")
    if f"fact.{key}" in STRINGS or not outer:
        return label("fact", key)
    return Markup("{}: {}").format(fact_label(outer), label("fact", inner))


def value_text(text: str) -> Markup:
    """A text of `fact_text`, translated where it is a key of the strings or a known sentence."""
    return both(text) if text.startswith("value.") and text in STRINGS else translated(text)


def translated(sentence: str) -> Markup:
    """An English sentence of a stage, in both languages where sentences.yaml has it."""
    korean = in_korean(sentence)
    return Markup.escape(sentence) if korean is None else spans({"en": sentence, "ko": korean})

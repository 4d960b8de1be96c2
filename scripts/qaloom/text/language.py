"""Language of a text: Korean, English or another, as far as scores need it."""

import unicodedata


def language(text: str) -> str:
    """`ko`, `en` or `other`, by the scripts that its words are written in.

    Korean when at least two words in five hold Hangul (Korean sentences about software are half Latin
    names, and particles still hang on to those: `Defender의`); else English when at least half hold no
    letter beyond a to z, which other languages in plain Latin letters pass too; else other.
    Words without letters do not count.
    """
    words = unicodedata.normalize("NFC", text).split()
    words = [word for word in words if any(map(str.isalpha, word))]
    korean = sum(any("가" <= c <= "힣" or "ㄱ" <= c <= "ㅣ" for c in word) for word in words)
    if words and korean >= 0.4 * len(words):
        return "ko"
    plain = sum(all(c.isascii() for c in word if c.isalpha()) for word in words)
    return "en" if words and plain >= 0.5 * len(words) else "other"

"""Encoding of a source file: UTF-8, UTF-16 and, where its characters read as Korean, CP949 (with EUC-KR).

Bytes of Japanese, Chinese or Western encodings often decode as CP949, too: to syllables that Korean seldom uses, to
hanja and single letters. Of a Korean text's letters about nine in ten are among its 280 commonest syllables, of such
garbage one in twenty. A file of another encoding is refused, never guessed.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

_BOMS = {  # UTF-32 first, as its mark begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_COMMON = re.compile(
    "[가각간값같개거건검것게결경계고곳공과관구권규그금급기길까께끝나날납내낸너널년누는능니님다단담당대더데도동되된됩두드든들등디때또뜻라람래랜램러"
    "럼레렉려력령로록료류르른를름리릴링마만많매메며면명몇모목못무문미및바반발방배버번법베벨변병보복본부분불브블비사상새색생서선설성세센션셜소속수"
    "스슨습시식신실심십아안않알았액야약어언얼업없었에여역연열영예오옵와왜요용우운원월웨위유율으은을음의이인일읽임입있자작잘장재저적전절점접정제젝"
    "조종좌주준줄중증지진차참창찾책처청체초최추출취층치카커코크키타태택터테텍토통트팀파판패퍼페편포표프필하학한할함합항해했행헥현형호화확환회후]"
)
_LETTER = re.compile(r"[^\W\d_a-zA-Z]")
# Log-likelihood ratios of a common letter for Korean and of another one against it.
_FOR, _AGAINST = 2.83, 1.85  # log(0.85 / 0.05), log(0.95 / 0.15)
_CERTAIN = 6.9  # log(1000)
_FOREIGN = -20.0  # of one line: a short one of names and loan words has rare syllables alone, too
_FILLER = b"\xa4\xd4"
_SAMPLE = 1 << 16  # bytes that charset-normalizer looks at
_ESCAPES = (b"\x1b$", b"\x1b(")  # ISO-2022 of Japanese, Korean and Chinese


class UnknownEncodingError(Exception):
    """The file is in an encoding that is not read; its text names the likely one."""


class Korean(NamedTuple):
    """Evidence that a text, read as CP949, is Korean: its letters, and the common ones among them."""

    common: int
    letters: int

    @property
    def odds(self) -> float:
        """Log of the odds; above 0 for Korean."""
        return self.common * _FOR - (self.letters - self.common) * _AGAINST


def find_encoding(blocks: Callable[[], Iterable[bytes]], lines: Callable[[], Iterable[bytes]]) -> str:
    """The encoding of a file that is given in blocks and in lines: utf-8, utf-16-le, utf-16-be or cp949.

    A byte-order mark decides, then NUL bytes in the first two characters, then whether the bytes are UTF-8. Where
    some are not, it is CP949 if more of the lines beyond ASCII are that than are UTF-8, and it reads as Korean.
    Raises UnknownEncodingError when most lines are in another encoding.
    """
    head = next(iter(blocks()), b"")[:4]
    for mark, name in _BOMS.items():
        if head.startswith(mark):
            return _supported(name)
    nul = [byte == 0 for byte in head]
    if nul == [False, True, False, True]:
        return "utf-16-le"
    if nul == [True, False, True, False]:
        return "utf-16-be"
    return "utf-8" if _is_utf8(blocks()) else _by_lines(lines)


def from_cp949(raw: bytes) -> bytes:
    """A line of a CP949 file as UTF-8; as it is where it is no CP949, is UTF-8, or certainly is not Korean."""
    if raw.isascii() or _is_wide_utf8(raw):
        return raw
    # Where a syllable is spelled out after a filler, as KS X 1001 has it, only this decoder puts it together.
    for decoder in ("euc_kr", "cp949") if _FILLER in raw else ("cp949",):
        if _decodes(raw, decoder):
            text = raw.decode(decoder)
            return raw if _korean(text).odds < _FOREIGN else text.encode()
    return raw


def as_utf8(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Blocks of UTF-16 as UTF-8; others as they are.

    A lone surrogate becomes bytes that are not UTF-8, so that its line, and it alone, is refused.
    """
    if not encoding.startswith("utf-16"):
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:
        yield b"\xff"


def _supported(name: str) -> str:
    if name == "utf-32":
        raise UnknownEncodingError("it is UTF-32")
    return name


def _is_utf8(blocks: Iterable[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in blocks:
            decoder.decode(block)
            if any(escape in block for escape in _ESCAPES):
                return False
    except UnicodeDecodeError:
        return False
    return True


def _by_lines(lines: Callable[[], Iterable[bytes]]) -> str:
    utf8 = cp949 = other = count = common = letters = 0
    for line in lines():
        count += bool(line.strip())
        if line.isascii() and not any(escape in line for escape in _ESCAPES):
            continue
        if _decodes(line, "utf-8") and not any(escape in line for escape in _ESCAPES):
            utf8 += 1
            cp949 += _decodes(line, "cp949")
            continue
        other += 1
        if _decodes(line, "cp949"):
            cp949 += 1
            found = _korean(line.decode("cp949"))
            common, letters = common + found.common, letters + found.letters
    if cp949 > utf8 and Korean(common, letters).odds > _CERTAIN:
        return "cp949"
    if 2 * other > count:
        raise UnknownEncodingError(_opinion(lines()))
    return "utf-8"


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_wide_utf8(raw: bytes) -> bool:
    """Whether bytes are UTF-8 with a character of three bytes, which CP949 forms by chance hardly ever."""
    try:
        return max(raw.decode()) > "\u07ff"
    except UnicodeDecodeError:
        return False


def _korean(text: str) -> Korean:
    return Korean(len(_COMMON.findall(text)), len(_LETTER.findall(text)))


def _opinion(lines: Iterable[bytes]) -> str:
    """The likely encoding of lines that are neither UTF-8 nor Korean in CP949, as charset-normalizer finds it."""
    from charset_normalizer import from_bytes

    sample = bytearray()
    for line in lines:
        if not line.isascii() or b"\x1b" in line:
            sample += line + b"\n"
        if len(sample) > _SAMPLE:
            break
    found = from_bytes(bytes(sample)).best()
    return f"it looks like {found.encoding.upper()}" if found else "its encoding is not known"

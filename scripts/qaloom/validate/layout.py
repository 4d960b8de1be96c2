"""White space: code, tables and indentation keep theirs; prose has one kind of space and of line end."""

import re

# What is laid out on purpose: a code fence, a prompt, a drawn or marked table, a tab between words.
_DRAWN = re.compile(
    r"```|~~~|\S[ ]*\t[ \t]*\S|^(?:>>>|\.\.\.|\$|[A-Z]:\\?>|In \[\d+\]:) |[─-╿]|^\+[-=]{2}", re.MULTILINE
)
_INDENTED = re.compile(r"\n(?: {2}|\t)[ \t]*\S")
_BAR_ROW = re.compile(r"^[ \t]*\|", re.MULTILINE)
_COLUMNS = re.compile(r"\S {2,}(?=\S)")
_QUOTED = re.compile(r'"[^"\n]*+"|`[^`\n]*+`' + r"|'[^'\n]*+'")

_LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]")
_BLANK_LINES = re.compile(r"\n[ \t]++(?=\n)")
_MANY_BLANK = re.compile(r"\n{3,}")
_ODD_SPACES = re.compile("[\x0b\x0c\xa0\u2000-\u200a\u202f\u205f]")
_WIDE_SPACE = "\u3000"
_FULL_WIDTH = re.compile("[\uff01-\uff5e\u3040-\u30ff]")
_RUNS = re.compile(r"(?<=[^ ]) {2,}")
_SPACE_AT_END = re.compile(r"(?<![ \t])[ \t]++$", re.MULTILINE)


def laid_out(text: str) -> bool:
    """Whether the spaces inside a text's lines are there on purpose."""
    if _DRAWN.search(text):
        return True
    if "\n" not in text:
        return "  " in text and any("  " in quoted[0] for quoted in _QUOTED.finditer(text))
    if _INDENTED.search(text) or len(_BAR_ROW.findall(text)) > 1:
        return True
    return sum(bool(_COLUMNS.search(line)) for line in text.split("\n")) > 1


def tidy_space(text: str) -> str:
    """One kind of line end and of space; in prose no runs of spaces or blank lines, none at a line's end."""
    text = _ODD_SPACES.sub(" ", _LINE_ENDS.sub("\n", text))
    if _WIDE_SPACE in text and not _FULL_WIDTH.search(text):
        text = text.replace(_WIDE_SPACE, " ")
    text = text.rstrip()
    if laid_out(text):
        return _first_line_on(text)
    text = _SPACE_AT_END.sub("", _RUNS.sub(" ", text))
    return _MANY_BLANK.sub("\n\n", _BLANK_LINES.sub("\n", text)).strip()


def _first_line_on(text: str) -> str:
    """The text from its first line that is not blank, whose indentation belongs to the layout."""
    start = len(text) - len(text.lstrip())
    line = text.rfind("\n", 0, start) + 1
    return text[line:] if "\n" in text[start:] else text[start:]

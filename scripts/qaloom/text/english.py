"""English by words: which carry content, which deny, which ask, and which are forms of one word."""

from rapidfuzz.distance import OSA

_FUNCTION_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "this",
        "that",
        "these",
        "those",
        "of",
        "for",
        "to",
        "in",
        "on",
        "at",
        "by",
        "with",
        "from",
        "about",
        "as",
        "and",
        "or",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "do",
        "does",
        "did",
        "can",
        "could",
        "may",
        "might",
        "will",
        "would",
        "shall",
        "should",
        "must",
        "have",
        "has",
        "had",
        "what",
        "which",
        "how",
        "i",
        "me",
        "we",
        "us",
        "you",
        "your",
        "it",
        "its",
        "there",
        "please",
        "tell",
        "give",
        "say",
        "know",
        "want",
        "kindly",
        "exactly",
        "currently",
        "usually",
        "also",
        "just",
        "any",
        "some",
        "so",
        "s",
        "re",
        "ll",
        "ve",
        "d",
        "m",
        "t",
        "interval",
        "often",
        "when",
        "where",
        "who",
        "whom",
        "whose",
        "why",
        "if",
    ]
)
_ASKED = frozenset(("when", "where", "who", "whom", "whose", "why"))
_NEGATIONS = frozenset(
    [
        "not",
        "no",
        "never",
        "none",
        "nobody",
        "nothing",
        "neither",
        "nor",
        "without",
        "cannot",
        "except",
        "unless",
        "hardly",
        "rarely",
        "barely",
        "t",
    ]
)
_CONTRACTIONS = (
    ("n't", " not"),
    ("n’t", " not"),
    ("cannot", "can not"),
    ("'s", ""),
    ("’s", ""),
    ("'re", " are"),
    ("’re", " are"),
)
_DIRECTIONS = frozenset(
    [
        "to",
        "from",
        "before",
        "after",
        "over",
        "under",
        "above",
        "below",
        "up",
        "down",
        "into",
        "out",
        "off",
        "on",
        "in",
        "with",
        "without",
        "through",
        "against",
    ]
)
_PLAIN_DIRECTIONS = frozenset(("in", "on", "into", "to", "with"))
_ENDINGS = ("s", "es", "d", "ed")


def without_contractions(text: str) -> str:
    """A text in small letters with can't as can not, it's as it."""
    for short, long in (("won't", "will not"), ("can't", "can not"), *_CONTRACTIONS):
        text = text.replace(short, long)
    return text


def asked(words: tuple[str, ...]) -> frozenset[str]:
    """The question words that ask for one kind of thing."""
    return _ASKED.intersection(words)


def english_negations(words: tuple[str, ...]) -> int:
    """How many of the words deny something."""
    return sum(word in _NEGATIONS for word in words)


def directions_differ(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one says from, before or off where the other says to, after or on."""
    mine, theirs = ([word for word in words if word in _DIRECTIONS] for words in (one, other))
    plain = _PLAIN_DIRECTIONS.issuperset(mine) and _PLAIN_DIRECTIONS.issuperset(theirs)
    return mine != theirs and bool(mine) and bool(theirs) and not plain


def content(words: tuple[str, ...], others: tuple[str, ...]) -> list[str]:
    """Words that are no function words, nor misspelt ones (hte) beside the right one."""
    right = _FUNCTION_WORDS.intersection(others)
    return [
        word
        for word in words
        if word not in _FUNCTION_WORDS
        and not (len(word) < 5 and any(len(own) > 2 and OSA.distance(word, own) <= 1 for own in right))
    ]


def inflected(one: str, other: str) -> bool:
    """Whether two words are forms of one: day and days, open and opened."""
    short, long = sorted((one, other), key=len)
    return len(short) > 2 and long.startswith(short) and long[len(short) :] in _ENDINGS

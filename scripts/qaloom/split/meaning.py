"""Facts beyond spelling and across languages: rows that an embedding model finds to ask and to answer the same.

An encoder overlooks what decides, so questions and answers must hold the same values, too. In one language the
questions must ask for the same kind of thing, by the same names. In two, where names cannot be compared, each must be
the nearest to the other: a library's translated twin is nearer than another library with the same opening hours.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import product

import numpy as np

from qaloom.inference.embeddings import Embedder, near_vectors
from qaloom.split.facts import Comparison, Relation, Statement
from qaloom.text.language import language
from qaloom.text.rewordings import may_ask_the_same
from qaloom.text.values import same_values

_FEW = 40  # wordings of one fact that are linked with its twin
_LOOKED_AT = 10_000  # rows whose language is found
_SECOND_LANGUAGE = 0.1  # share of the rows from which a project is in two languages

Link = tuple[int, int]
_Near = tuple[int, int, float]


def link_by_meaning(
    statements: Sequence[Statement], comparison: Comparison, embedder: Embedder
) -> list[Link]:
    """Pairs of positions of rows that state one fact by their meaning; the comparison knows them from then on."""
    within, across = _asked_alike(statements, comparison, embedder)
    answers = sorted({statements[at].row.output for link in (*within, *across) for at in link})
    vectors = dict(zip(answers, embedder.vectors(answers), strict=True))

    def answered_alike(link: Link) -> bool:
        one, other = (statements[at] for at in link)
        if one.closed or other.closed:
            return one.closed == other.closed
        if comparison.states_answer(one, other):
            return True
        near = float(np.dot(vectors[one.row.output], vectors[other.row.output])) >= embedder.threshold
        return near and same_values(one.row.output, other.row.output)

    links = set(filter(answered_alike, within))
    comparison.links = _ids(links, statements)
    links |= set(_with_their_wordings(filter(answered_alike, across), statements, comparison))
    comparison.links = _ids(links, statements)
    return sorted(links)


def languages_note(statements: Sequence[Statement]) -> list[str]:
    """Note on a project in Korean and English whose facts no embedding model compares."""
    rows = [s.row for s in statements if not s.row.parent]
    some = rows[:: max(1, len(rows) // _LOOKED_AT)]
    counts = Counter(language(row.question) for row in some)
    korean, english = (counts[name] / len(some) for name in ("ko", "en"))
    if min(korean, english) <= _SECOND_LANGUAGE:
        return []
    return [
        f"questions are Korean ({korean:.0%}) and English ({english:.0%}): a fact of unseen that is trained in the "
        "other language is not recognised; name a multilingual encoder as dedup.embedding_model"
    ]


def _ids(links: Iterable[Link], statements: Sequence[Statement]) -> frozenset[tuple[str, str]]:
    ids = [(statements[i].row.id, statements[j].row.id) for i, j in links]
    return frozenset(ids) | {(j, i) for i, j in ids}


def _asked_alike(
    statements: Sequence[Statement], comparison: Comparison, embedder: Embedder
) -> tuple[list[Link], list[Link]]:
    """Pairs of rows whose questions ask the same, in one language and in two."""
    questions = [s.row.question for s in statements]
    spoken = [language(question) for question in questions]
    figures = [tuple(sorted(s.figures.split())) for s in statements]
    within: list[Link] = []
    across: list[_Near] = []
    for i, j, score in near_vectors(embedder.vectors(questions), figures, embedder.threshold):
        if spoken[i] != spoken[j]:
            if same_values(questions[i], questions[j]):
                across.append((i, j, score))
        elif may_ask_the_same(questions[i], questions[j], comparison.words):
            within.append((i, j))
    return within, list(_nearest(across, statements, spoken))


def _nearest(
    pairs: Sequence[_Near], statements: Sequence[Statement], spoken: Sequence[str]
) -> Iterator[Link]:
    """Pairs in which each is the nearest to the other among the rows of that language; of equals the smallest id."""
    best: dict[tuple[int, str], tuple[float, str]] = {}
    for i, j, score in pairs:
        for one, other in ((i, j), (j, i)):
            place, found = (one, spoken[other]), (-score, statements[other].row.id)
            best[place] = min(best.get(place, found), found)
    for i, j, _ in pairs:
        nearest = best[i, spoken[j]][1], best[j, spoken[i]][1]
        if nearest == (statements[j].row.id, statements[i].row.id):
            yield i, j


def _with_their_wordings(
    links: Iterable[Link], statements: Sequence[Statement], comparison: Comparison
) -> Iterator[Link]:
    """The links, and those between the other wordings of either fact."""
    by_answer: dict[str, list[int]] = defaultdict(list)
    for at, statement in enumerate(statements):
        by_answer[statement.unit].append(at)

    def wordings(at: int) -> list[int]:
        mine = statements[at]
        others = (other for other in by_answer[mine.unit] if other != at)
        same = [o for o in others if comparison.relation(mine, statements[o]) == Relation.SAME_FACT]
        return [at, *sorted(same, key=lambda o: statements[o].row.id)[:_FEW]]

    for i, j in links:
        yield from ((min(p), max(p)) for p in product(wordings(i), wordings(j)) if p[0] != p[1])

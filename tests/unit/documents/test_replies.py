"""Replies of models: JSON in whatever wrapping."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qaloom.documents.replies import QuotedPair, proposals_in_reply

ONE = {"question": "Q?", "answer": "A", "quote": "q"}
WANTED = [QuotedPair("Q?", "A", "q")]
TEXT = json.dumps(ONE)


@pytest.mark.parametrize(
    "reply",
    [
        f"[{TEXT}]",
        f"Here you are:\n```json\n[{TEXT}]\n```\nAnything else?",
        f"<think>{{no}}</think>{TEXT}",
        f'{{"questions": [{TEXT}]}}',
        f'{TEXT}\n{{"question": "cut',
        '[{"Question": " Q? ", "answer": "A\n", "quote": "q"}]',
    ],
)
def test_proposals_are_found(reply):
    assert proposals_in_reply(reply) == WANTED


@pytest.mark.parametrize("reply", ["", "I cannot do that.", "[1, 2]", "{broken", "{" * 3000])
def test_a_reply_without_an_object_is_none(reply):
    assert proposals_in_reply(reply) is None


def test_nothing_to_ask_is_an_empty_list():
    assert proposals_in_reply("```json\n[ ]\n```") == []


def test_a_part_that_is_missing_or_no_text_stays_as_it_is():
    assert proposals_in_reply(json.dumps([ONE | {"quote": ""}, ONE | {"answer": 3}])) == [
        ONE | {"quote": ""},
        ONE | {"answer": 3},
    ]


@settings(max_examples=25)
@given(st.lists(st.tuples(*[st.text(min_size=1).filter(str.strip)] * 3), max_size=4))
def test_what_is_written_as_json_is_read(parts):
    reply = json.dumps([dict(zip(ONE, part, strict=True)) for part in parts], ensure_ascii=True)
    found = proposals_in_reply(reply)
    assert [tuple(one) for one in found] == [
        tuple(t.encode(errors="replace").decode().strip() for t in part) for part in parts
    ]

"""A prompt template of one's own: read, rendered and refused before anything runs, and then the run's."""

import pytest
from families import family_tokenizer

from qaloom.errors import ConfigError, ModelError
from qaloom.inference.own_template import read_template
from qaloom.inference.prompt import example, load_tokenizer, prompt_ids, prompt_kind, stop_ids

GOOD = (
    "{% for m in messages %}{% if m.role == 'user' %}Q: {{ m.content }}\n{% else %}A: {% generation %}"
    "{{ m.content }}{{ eos_token }}{% endgeneration %}\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}A: {% endif %}"
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{% for m in messages %}", "line 1: is not Jinja"),
        ("hello", "leaves the question out"),
        ("{{ messages[0].content }}", "leaves the answer out"),
        ("{{ raise_exception('no') }}", "fails .TemplateError: no"),
        ("{{ messages.content.a }}", "fails"),
        ("{{ 1 / 0 }}", "fails"),
        ("{{ ''.__class__.__mro__ }}{{ messages[0].content }}", "fails|leaves"),
        ("{{ messages.append(1) }}", "fails"),
        (b"\xff\xfe", "not UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_a_template_of_no_use_is_one_line(tmp_path, text, problem):
    path = tmp_path / "prompt.jinja"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=problem) as raised:
        read_template(path)
    assert "\n" not in str(raised.value)


def test_it_is_the_prompt_of_training_and_asking_and_is_saved_with_the_tokenizer(tmp_path):
    path = tmp_path / "prompt.jinja"
    path.write_text(GOOD)
    family_tokenizer("llama-3").save_pretrained(tmp_path / "base")
    tokenizer = load_tokenizer(tmp_path / "base", template=read_template(path))
    assert prompt_kind(str(path), tokenizer) == "chat"
    row = example(tokenizer, "chat", "어디?", "", "2층")
    assert tokenizer.decode(row.prompt) == "Q: 어디?\nA: "
    assert tokenizer.decode(row.completion) == "2층<|end_of_text|>"
    assert row.completion[-1] in stop_ids(tokenizer, "chat")
    tokenizer.save_pretrained(tmp_path / "run")
    assert prompt_ids(load_tokenizer(tmp_path / "run"), "chat", "어디?") == row.prompt


def test_one_that_asks_otherwise_than_it_answers_is_refused(tmp_path):
    path = tmp_path / "prompt.jinja"
    path.write_text(GOOD.replace("%}A: {% endif", "%}B: {% endif"))
    family_tokenizer("llama-3").save_pretrained(tmp_path / "base")
    tokenizer = load_tokenizer(tmp_path / "base", template=read_template(path))
    with pytest.raises(ModelError, match="asks for an answer after"):
        prompt_ids(tokenizer, "chat", "어디?")

"""The configuration: defaults filled in, mistakes told in one line, the demo and the examples in order."""

import copy
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from qaloom.config.load import DEMO, ROOT, SCHEMA, complete, load_config, sources
from qaloom.errors import ConfigError

EXAMPLES = sorted((ROOT / "config" / "examples").glob("*.yaml"))
LEAST = {"data": {"sources": ["a.jsonl"]}, "runs": {"one": {}}}
# Keys whose name is the field's own word for what they are.
OBVIOUS = {
    "question_min", "question_max", "answer_min", "answer_max", "max_new_tokens", "seed", "r", "dropout",
    "target_modules", "epochs", "learning_rate", "scheduler", "warmup_fraction", "weight_decay", "precision",
}  # fmt: skip


def filled(**sections: Any) -> dict[str, Any]:
    return complete(copy.deepcopy(LEAST | sections))


def mistake(text: str | bytes, folder: Path) -> str:
    """The one line that a configuration with this text is refused with."""
    path = folder / "my.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    line = str(caught.value)
    assert line.startswith(str(path))
    assert "\n" not in line
    return line


def keys(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict]]:
    """Every key of the schema with its part; a run's keys stand under ("runs", "*")."""
    for name, part in schema.get("properties", {}).items():
        yield (*path, name), part
        yield from keys(part, (*path, name))
        if isinstance(part.get("additionalProperties"), dict):
            yield from keys(part["additionalProperties"], (*path, name, "*"))


ALL_KEYS = list(keys(yaml.safe_load(SCHEMA.read_text("utf-8"))))
LEAVES = [(path, part) for path, part in ALL_KEYS if part.get("type") != "object"]


# --- defaults -----------------------------------------------------------------------------------------


def test_defaults_are_filled_at_every_level() -> None:
    config = filled()
    assert config["dedup"]["length"]["question_max"] == 8000
    assert config["runs"]["one"]["lora"] == {
        "r": "auto", "alpha": None, "dropout": 0,
        "target_modules": ["all-linear"],
        "rslora": False, "dora": False, "loftq": False,
        "init_lora_weights": "default", "bias": "none", "modules_to_save": [],
    }  # fmt: skip
    assert config["runs"]["one"]["training"]["learning_rate"] == "auto"


def test_given_values_stay_and_their_neighbours_are_filled() -> None:
    training = filled(runs={"one": {"training": {"epochs": 9}}})["runs"]["one"]["training"]
    assert (training["epochs"], training["effective_batch"]) == (9, 8)


def test_runs_do_not_share_a_default() -> None:
    runs = filled(runs={"one": {}, "two": {}})["runs"]
    runs["one"]["lora"]["target_modules"].append("lm_head")
    assert "lm_head" not in runs["two"]["lora"]["target_modules"]


def test_sections_and_runs_with_nothing_below_are_all_defaults(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("data: {sources: [a.jsonl]}\ndedup:\nsplit:\nruns:\n  one:\n")
    assert load_config(path) == filled()


def test_every_default_is_valid() -> None:
    for path, part in ALL_KEYS:
        if "default" in part:
            jsonschema.validate(part["default"], part)
        else:
            assert part.get("type") == "object" or path == ("data", "sources"), path


# --- mistakes -----------------------------------------------------------------------------------------


def test_unknown_key_names_the_near_one(tmp_path: Path) -> None:
    line = mistake("data: {sources: [a]}\nruns: {one: {training: {epoch: 3}}}\n", tmp_path)
    assert "runs.one.training: unknown key 'epoch'; did you mean 'epochs'?" in line


def test_unknown_key_far_from_all_lists_them(tmp_path: Path) -> None:
    line = mistake("data: {sources: [a]}\nruns: {one: {}}\nbanana: 1\n", tmp_path)
    assert (
        "unknown key 'banana'; known keys: data, documents, dedup, augment, split, evaluate, export, serve, runs"
        in line
    )


@pytest.mark.parametrize(
    ("setting", "key", "limit"),
    [
        ("dedup: {threshold: 0.5}", "dedup.threshold", "0.7"),
        ("split: {unseen_fraction: 0.9}", "split.unseen_fraction", "0.5"),
        ("augment: {wordings: 0}", "augment.wordings", "1"),
        ("evaluate: {max_new_tokens: 5000}", "evaluate.max_new_tokens", "4096"),
    ],
)
def test_out_of_range_names_key_and_limit(setting: str, key: str, limit: str, tmp_path: Path) -> None:
    line = mistake(f"data: {{sources: [a]}}\nruns: {{one: {{}}}}\n{setting}\n", tmp_path)
    assert f": {key}: " in line
    assert limit in line


def test_a_project_has_a_run(tmp_path: Path) -> None:
    assert ": runs: " in mistake("data: {sources: [a]}\nruns: {}\n", tmp_path)


def test_a_limit_is_a_number_or_auto(tmp_path: Path) -> None:
    asked = {value: filled(evaluate={"max_new_tokens": value}) for value in ("auto", 64, 7.0)}
    assert [repr(one["evaluate"]["max_new_tokens"]) for one in asked.values()] == ["'auto'", "64", "7"]
    line = mistake("data: {sources: [a]}\nruns: {one: {}}\nevaluate: {max_new_tokens: many}\n", tmp_path)
    assert "evaluate.max_new_tokens: 'many' does not look like a number of tokens" in line


def test_a_value_that_is_none_of_the_choices_lists_them(tmp_path: Path) -> None:
    line = mistake("data: {sources: [a]}\nruns: {one: {precision: 3bit}}\n", tmp_path)
    assert "runs.one.precision: '3bit' is not one of auto, 4bit, 8bit, 16bit" in line


@pytest.mark.parametrize("model", ["gpt2", "hub:gpt2", "embedded:", "hub:a/b/c"])
def test_a_base_model_of_no_kind_is_told_the_kinds(model: str, tmp_path: Path) -> None:
    line = mistake(f"data: {{sources: [a]}}\nruns: {{one: {{base_model: '{model}'}}}}\n", tmp_path)
    assert "embedded:NAME, hub:ORG/NAME[@REVISION] or path:FOLDER" in line


@pytest.mark.parametrize(
    ("written", "key", "remedy"),
    [
        ("2e-4", "learning_rate", "write 0.0002"),
        ("1E-3", "learning_rate", "write 0.001"),
        ("'0.0002'", "learning_rate", "write 0.0002"),
        ("2e1", "effective_batch", "write 20"),
        ("'12'", "epochs", "write 12"),
    ],
)
def test_a_number_that_yaml_reads_as_text_is_told_how_to_write_it(
    written: str, key: str, remedy: str, tmp_path: Path
) -> None:
    text = f"data: {{sources: [a]}}\nruns: {{one: {{training: {{{key}: {written}}}}}}}\n"
    value = written.strip("'")
    line = mistake(text, tmp_path)
    assert f"runs.one.training.{key}: {value!r} is text in YAML, not a number; {remedy}" in line


@pytest.mark.parametrize(
    ("text", "where", "key"),
    [
        ("data: {sources: [a]}\nruns: {2026: {}}", "runs", "2026"),
        ("data: {sources: [a]}\nruns: {one: {}, no: {}}", "runs", "false"),
        ("data: {sources: [a], columns: {null: x}}\nruns: {one: {}}", "data.columns", "null"),
        ("data: {sources: [a]}\nruns: {}\naugment: {seq2seq: {codes: {1.5: x}}}", "augment.seq2seq.codes", "1.5"),
        ("data: {sources: [a]}\nruns: {one: {}}\n2026-01-01: x", "top level", "2026-01-01"),
    ],
)  # fmt: skip
def test_a_key_that_yaml_does_not_read_as_text_is_told_so(
    text: str, where: str, key: str, tmp_path: Path
) -> None:
    line = mistake(text, tmp_path)
    assert f"{where}: the key {key} is not text in YAML; write it in quotes" in line


def test_an_alias_takes_no_defaults_of_another_section(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(
        "data: {sources: [a.jsonl]}\nruns: {one: {lora: &x {}, training: *x}}\nsplit: *x\n", encoding="utf-8"
    )
    assert load_config(path)["runs"] == filled()["runs"]


@pytest.mark.parametrize("written", ["fast", "nan", "1e999999", "1_0x"])
def test_text_that_is_no_number_is_not_taken_for_one(written: str, tmp_path: Path) -> None:
    line = mistake(f"data: {{sources: [a]}}\nruns: {{one: {{training: {{epochs: {written}}}}}}}\n", tmp_path)
    assert line.endswith(
        "does not look like passes over the rows, or auto, by their number and the size of the base model"
    )


def test_a_type_with_a_choice_is_written_out(tmp_path: Path) -> None:
    line = mistake("data: {sources: [a]}\nruns: {one: {lora: {alpha: much}}}\n", tmp_path)
    assert "runs.one.lora.alpha: 'much' is not of type integer or null" in line


def test_a_missing_section_is_asked_for(tmp_path: Path) -> None:
    assert "'runs' is missing; add it" in mistake("data: {sources: [a]}\n", tmp_path)


def test_not_yaml_names_the_line(tmp_path: Path) -> None:
    assert "line 2: is not valid YAML" in mistake("data: {sources: [a]}\nruns: {one: {]\n", tmp_path)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "- a\n- b\n", "demo\n", "null\n"])
def test_empty_or_no_mapping_is_told_what_belongs_there(text: str, tmp_path: Path) -> None:
    assert mistake(text, tmp_path).endswith("must hold keys such as data: and runs:")


def test_not_utf8_is_told_to_be_saved_so(tmp_path: Path) -> None:
    assert "is not UTF-8 text" in mistake("# 설정\ndata: {}\n".encode("cp949"), tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("data: {sources: [a.jsonl]}\nruns: {one: {}}\n", encoding="utf-8-sig")
    assert load_config(path) == filled()


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read \(No such file or directory\)"):
        load_config(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ("{a: {start_from: b}, b: {start_from: a}}", "start from each other in a circle"),
        ("{a: {start_from: a}}", "start from each other in a circle"),
        ("{a: {start_from: c}}", "there is no run 'c'"),
    ],
)
def test_runs_start_from_runs_that_are_there(runs: str, words: str, tmp_path: Path) -> None:
    line = mistake(f"data: {{sources: [a]}}\nruns: {runs}\n", tmp_path)
    assert "start_from" in line
    assert words in line


# --- sources ------------------------------------------------------------------------------------------


def test_a_reviews_decisions_are_no_source(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("decisions.jsonl", "rows.jsonl"):
        (tmp_path / "data" / name).write_text("{}")
    assert sources(["data/*.jsonl", str(tmp_path / "**/*.jsonl")], tmp_path) == ["data/rows.jsonl"]
    with pytest.raises(ConfigError, match="matches no file"):
        sources(["data/dec*.jsonl"], tmp_path)


def test_sources_are_found_sorted_and_once(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl", "가.jsonl.gz"):
        (tmp_path / name).touch()
    assert sources(["*.jsonl", "a.*", "*.gz"], tmp_path) == ["a.jsonl", "b.jsonl", "가.jsonl.gz"]


def test_a_glob_without_a_file_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.sources: 'qa/\*\.jsonl' matches no file in"):
        sources(["qa/*.jsonl"], tmp_path)


def test_a_file_of_two_names_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.jsonl").touch()
    (tmp_path / "data/again.jsonl").symlink_to("rows.jsonl")
    (tmp_path / "data/loop").symlink_to(".")
    assert sources(["data/**/*.jsonl"], tmp_path) == ["data/rows.jsonl"]


def test_folders_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").touch()
    (tmp_path / "old.jsonl").mkdir()
    assert sources(["*"], tmp_path) == ["rows.jsonl"]


@pytest.mark.parametrize(
    ("make", "why"),
    {
        lambda path: path.symlink_to("nowhere.jsonl"): "is a link to nothing",
        lambda path: path.symlink_to(path.name): "is a link to nothing",
        os.mkfifo: "is no file but a pipe",
        lambda path: path.with_name("{a}.jsonl").touch(): "has braces in its name",
        lambda path: open(
            os.fsencode(path.with_name("caf")) + b"\xe9.jsonl", "wb"
        ).close(): r"caf\\udce9.*not UTF-8",
    }.items(),
)
def test_what_is_no_readable_file_is_a_mistake(tmp_path: Path, make: Callable[[Path], Any], why: str) -> None:
    """Beside a good one, so that rows are never left out in silence."""
    (tmp_path / "good.jsonl").touch()
    make(tmp_path / "odd.jsonl")
    with pytest.raises(ConfigError, match=why):
        sources(["*.jsonl"], tmp_path)


# --- the files that ship ------------------------------------------------------------------------------


def test_every_key_is_described_or_obvious() -> None:
    undescribed = {path[-1] for path, part in LEAVES if "description" not in part}
    assert undescribed <= OBVIOUS


def test_the_demo_names_every_key_with_a_comment() -> None:
    text = DEMO.read_text("utf-8")
    given = yaml.safe_load(text)
    lines = text.splitlines()
    for path, _ in LEAVES:
        at: Any = given
        for name in path:
            assert at is not None, path
            at = at["demo" if name == "*" else name]
        named = [n for n, line in enumerate(lines) if re.match(rf" +{path[-1]}:", line)]
        assert named, path
        for n in named:
            assert "# " in lines[n] or lines[n - 1].strip().startswith("# "), lines[n]


@pytest.mark.parametrize("path", [DEMO, *EXAMPLES], ids=lambda path: path.stem)
def test_demo_and_examples_are_valid_and_find_their_rows(path: Path) -> None:
    assert sources(load_config(path)["data"]["sources"], ROOT)


def test_the_examples_that_the_readme_names_are_there() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "compare-runs",
        "korean-8b",
        "korean-backtranslation",
        "korean-wordings",
        "qlora-8gb",
    ]


def test_the_guides_settings() -> None:
    run = load_config(ROOT / "config" / "examples" / "korean-8b.yaml")["runs"]["korean-8b"]
    assert run["base_model"] == "hub:beomi/Llama-3-Open-Ko-8B-Instruct-preview"
    assert (run["precision"], run["prompt"]["template"]) == ("4bit", "plain")
    assert (run["lora"]["r"], run["lora"]["alpha"]) == (16, 32)
    assert (run["training"]["learning_rate"], run["training"]["effective_batch"]) == (0.0002, 8)


@pytest.mark.parametrize(
    ("runs", "sections", "line"),
    [
        (
            {"a": {"method": "full"}, "b": {"start_from": "a"}},
            {},
            "runs.b.start_from: a is of another method",
        ),
        ({"a": {"lora": {"loftq": True}}}, {}, "runs.a.lora.loftq works from the 16-bit weights"),
        ({"a": {"lora": {"init_lora_weights": "pissa"}}}, {}, "runs.a.lora.init_lora_weights works from"),
        (
            {"a": {"precision": "16bit", "lora": {"init_lora_weights": "pissa", "loftq": True}}},
            {},
            "runs.a.lora: loftq and pissa both choose",
        ),
        (
            {"a": {"precision": "16bit", "lora": {"init_lora_weights": "pissa", "dora": True}}},
            {},
            "runs.a.lora: pissa is not combined with",
        ),
        ({"a": {"method": "full", "lora": {"bias": "all"}}}, {}, "runs.a.lora: method full trains all"),
        ({"a": {"training": {"eval_steps": 5}}}, {}, "runs.a.training.eval_steps: nothing is held out"),
        (
            {"a": {"training": {"eval_steps": 5, "save_steps": 7, "validation_fraction": 0.1}}},
            {},
            "runs.a.training.save_steps: a checkpoint is judged",
        ),
        (
            {"a": {"method": "full"}, "b": {}},
            {"export": {"formats": ["merged"]}},
            "runs.a: method full is not exported",
        ),
    ],
)
def test_settings_that_do_not_go_together_stop_before_anything_runs(runs, sections, line):
    with pytest.raises(ConfigError, match=re.escape(line)):
        filled(runs=runs, **sections)
    if sections:
        filled(runs=runs, export=sections["export"] | {"runs": {"a": []}})


def test_a_whole_number_with_a_point_is_an_integer():
    """JSON Schema takes 7.0 for an integer; a Struct would refuse it."""
    values = complete(
        {"data": {"sources": ["-"]}, "split": {"seed": 7.0}, "runs": {"a": {"max_length": 512.0}}}
    )
    assert (values["split"]["seed"], values["runs"]["a"]["max_length"]) == (7, 512)
    assert type(values["split"]["seed"]) is int


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf", "1.0e+999"])
@pytest.mark.parametrize(
    "line", ["split: {{unseen_fraction: {}}}", "dedup: {{threshold: {}}}", "runs: {{a: {{lora: {{r: {}}}}}}}"]
)
def test_a_number_that_is_not_finite_is_refused_with_its_key(tmp_path, line, number):
    path = tmp_path / "my.yaml"
    text, runs = "data: {sources: [x.jsonl]}\n" + line.format(number) + "\n", "runs: {a: {}}\n"
    path.write_text(text if "runs" in line else text + runs)
    with pytest.raises(
        ConfigError, match=r"(unseen_fraction|threshold|lora\.r): -?(nan|inf) is not a finite number"
    ):
        load_config(path)


@pytest.mark.parametrize("text", ["true", "false"])
def test_a_boolean_is_no_number(tmp_path, text):
    path = tmp_path / "my.yaml"
    path.write_text(f"data: {{sources: [x.jsonl]}}\nruns: {{a: {{}}}}\nsplit: {{seed: {text}}}\n")
    with pytest.raises(ConfigError, match=r"split\.seed: (True|False) is not of type integer"):
        load_config(path)


@pytest.mark.parametrize(
    ("runs", "key"),
    [
        ('"demo\\n": {}', "runs"),
        ('demo: {base_model: "path:x\\n"}', r"runs\.demo\.base_model"),
        ('demo: {base_model: "hub:a/b\\n"}', r"runs\.demo\.base_model"),
    ],
)
def test_a_name_with_a_line_break_is_refused(tmp_path, runs, key):
    path = tmp_path / "my.yaml"
    path.write_text(f"data: {{sources: [x.jsonl]}}\nruns: {{{runs}}}\n")
    with pytest.raises(ConfigError, match=key) as raised:
        load_config(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "runs: {a: {num_train_epochs: 3}}",
            "runs.a: unknown key 'num_train_epochs'; write runs.NAME.training.epochs",
        ),
        ("runs: {a: {load_in_4bit: true}}", "runs.a: unknown key 'load_in_4bit'; write runs.NAME.precision"),
        ("runs: {a: {training: {optim: lion}}}", "unknown key 'optim'; write runs.NAME.training.optimizer"),
        ("runs: {a: {lora: {additional_target: x}}}", "write runs.NAME.lora.modules_to_save"),
        ("runs: {a: {system_prompt: x}}", "write runs.NAME.prompt.system"),
        ("runs: {a: {training: {train_on_inputs: x}}}", "write data.answers"),
        ("runs: {a: {training: {optimizer: adam}}}", "'adam' is not one of auto, adamw_torch"),
        (
            "runs: {a: {prompt: chatml}}",
            "runs.a.prompt.template: 'chatml' does not look like auto, chat, plain",
        ),
        ("runs: {a: {prompt: {system: ' '}}}", "runs.a.prompt.system: ' ' does not look like"),
        ("runs: {a: {training: {lora_r: 8}}}", "unknown key 'lora_r'; write runs.NAME.lora.r"),
        ("runs: {a: {epochs: 3}}", "runs.a: unknown key 'epochs'; it belongs to runs.NAME.training"),
        ("runs: {a: {}}, threshold: 0.9", "top level: unknown key 'threshold'; it belongs to dedup"),
        (
            "runs: {a: {}}, recall_fractoin: 0.1",
            "top level: unknown key 'recall_fractoin'; known keys: data, documents, dedup",
        ),
        ("runs: {a: {training: {epoch: 3}}}", "unknown key 'epoch'; did you mean 'epochs'?"),
    ],
)
def test_an_unknown_key_is_answered_with_ours(tmp_path, text, line):
    path = tmp_path / "my.yaml"
    path.write_text(f"{{data: {{sources: [x.jsonl]}}, {text}}}")
    with pytest.raises(ConfigError) as raised:
        load_config(path)
    assert line in str(raised.value)


def test_a_run_that_starts_from_another_has_its_base_model_and_adapter():
    first = {"base_model": "path:m", "lora": {"r": 64}}
    runs = complete(
        {"data": {"sources": ["x"]}, "runs": {"c": {"start_from": "b"}, "b": {"start_from": "a"}, "a": first}}
    )["runs"]
    assert {run["base_model"] for run in runs.values()} == {"path:m"}
    assert {run["lora"]["r"] for run in runs.values()} == {64}


@pytest.mark.parametrize(
    ("second", "line"),
    [
        ({"base_model": "path:other"}, "runs.b.base_model: it starts from a, which was trained on path:m"),
        ({"lora": {"r": 8}}, "runs.b.lora: it starts from the adapter of a, which keeps its own settings"),
    ],
)
def test_settings_that_a_started_run_could_not_use_are_refused(second, line):
    runs = {"a": {"base_model": "path:m", "lora": {"r": 64}}, "b": {"start_from": "a", **second}}
    with pytest.raises(ConfigError) as raised:
        complete({"data": {"sources": ["x"]}, "runs": runs})
    assert line in str(raised.value)

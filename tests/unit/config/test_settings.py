"""The typed configuration says the same as the schema."""

import types
from typing import Literal, Union, get_args, get_origin

import msgspec
import pytest
import yaml

from qaloom.config.load import SCHEMA, complete, defaults
from qaloom.config.settings import RunSettings, Section, Settings, typed
from qaloom.errors import ConfigError
from qaloom.formats import weights_for_ollama

SCHEMA_TYPES = {int: {"integer"}, float: {"number"}, str: {"string"}, bool: {"boolean"}, type(None): {"null"}}


def parts(kind) -> set:
    """The alternatives of a type."""
    return set(get_args(kind)) if get_origin(kind) in (Union, types.UnionType) else {kind}


def differences(kind, schema, where="config") -> list[str]:
    """Places where a Struct's field and its part of the schema disagree."""
    alternatives = (int, bool, type(None))
    [main, *rest] = sorted(parts(kind), key=lambda one: one in alternatives and len(parts(kind)) > 1)
    if isinstance(main, type) and issubclass(main, Section):
        fields = {field.name: field.type for field in msgspec.structs.fields(main)}
        found = [f"{where}: {name}" for name in set(fields) ^ set(schema["properties"])]
        for name in set(fields) & set(schema["properties"]):
            found += differences(fields[name], schema["properties"][name], f"{where}.{name}")
        return found
    if get_origin(main) is Literal and not {int, float} & set(rest):
        wanted = {
            *get_args(main),
            *(value for one in rest for value in ((True, False) if one is bool else (None,))),
        }
        return [] if set(schema["enum"]) == wanted else [f"{where}: {schema['enum']}"]
    if get_origin(main) is list:
        [item] = get_args(main)
        return [] if item is str else differences(item, schema["items"], f"{where}[]")
    if get_origin(main) is dict:
        item = get_args(main)[1]
        return [] if item is str else differences(item, schema["additionalProperties"], f"{where}.*")
    kinds = (str if get_origin(one) is Literal else one for one in (main, *rest))
    expected = set().union(*(SCHEMA_TYPES[one] for one in kinds))
    stated = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return [] if set(stated) == expected else [f"{where}: {stated}"]


def test_every_key_of_the_schema_has_a_field_of_its_type():
    assert differences(Settings, yaml.safe_load(SCHEMA.read_text("utf-8"))) == []


def test_a_missing_key_and_another_type_are_differences():
    schema = yaml.safe_load(SCHEMA.read_text("utf-8"))
    del schema["properties"]["split"]["properties"]["seed"]
    schema["properties"]["dedup"]["properties"]["jamo"]["type"] = "string"
    assert sorted(differences(Settings, schema)) == ["config.dedup.jamo: ['string']", "config.split: seed"]


def test_defaults_convert():
    settings = typed(defaults(), Settings)
    assert settings.runs["demo"].lora.alpha is None
    assert settings.evaluate.judge.url is None
    assert msgspec.to_builtins(settings) == defaults()


def test_an_incomplete_section_is_refused():
    with pytest.raises(msgspec.ValidationError, match="base_model"):
        typed({"method": "lora"}, RunSettings)


def exported(**export):
    return typed(
        complete({"data": {"sources": ["a"]}, "runs": {"a": {}, "b": {}, "c": {}}, "export": export}),
        Settings,
    )


def test_ollama_brings_a_gguf_file_along_and_names_the_smallest():
    assert exported(formats=["ollama"]).export.wanted("a") == ["gguf-q8_0", "ollama"]
    both = exported(formats=["ollama", "gguf-f16", "gguf-q8_0"]).export.wanted("a")
    assert both == ["gguf-f16", "gguf-q8_0", "ollama"]
    assert weights_for_ollama(both) == "gguf-q8_0"
    assert weights_for_ollama(["gguf-f16", "ollama"]) == "gguf-f16"


def test_a_run_may_ask_for_other_formats():
    settings = exported(formats=["merged"], runs={"b": ["adapter", "gguf-f16"], "c": []}).export
    assert [settings.wanted(name) for name in "abc"] == [["merged"], ["adapter", "gguf-f16"], []]


def test_a_final_model_is_trained_for_runs_that_are_exported_unless_told_otherwise():
    settings = exported(runs={"b": ["adapter"]})
    assert [settings.has_final(name) for name in "abc"] == [False, True, False]
    told = {"a": {"final": True}, "b": {"final": False}, "c": {"final": "auto"}}
    values = {"data": {"sources": ["a"]}, "runs": told, "export": {"formats": ["merged"]}}
    settings = typed(complete(values), Settings)
    assert [settings.has_final(name) for name in "abc"] == [True, False, True]


def test_a_choice_is_named_as_yaml_has_it():
    values = {"data": {"sources": ["a"]}, "runs": {"a": {"final": "yes, please"}}}
    with pytest.raises(ConfigError, match=r"runs.a.final: 'yes, please' is not one of auto, true, false$"):
        complete(values)

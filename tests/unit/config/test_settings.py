"""The typed configuration says the same as the schema."""

import types
from typing import Literal, Union, get_args, get_origin

import msgspec
import pytest
import yaml

from qaloom.config.load import SCHEMA, defaults
from qaloom.config.settings import RunSettings, Section, Settings, typed

SCHEMA_TYPES = {int: {"integer"}, float: {"number"}, str: {"string"}, bool: {"boolean"}, type(None): {"null"}}


def parts(kind) -> set:
    """The alternatives of a type."""
    return set(get_args(kind)) if get_origin(kind) in (Union, types.UnionType) else {kind}


def differences(kind, schema, where="config") -> list[str]:
    """Places where a Struct's field and its part of the schema disagree."""
    [main, *rest] = sorted(parts(kind), key=lambda one: one in (int, type(None)) and len(parts(kind)) > 1)
    if isinstance(main, type) and issubclass(main, Section):
        fields = {field.name: field.type for field in msgspec.structs.fields(main)}
        found = [f"{where}: {name}" for name in set(fields) ^ set(schema["properties"])]
        for name in set(fields) & set(schema["properties"]):
            found += differences(fields[name], schema["properties"][name], f"{where}.{name}")
        return found
    if get_origin(main) is Literal and not {int} & set(rest):
        wanted = {*get_args(main), *(None for _ in rest)}
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

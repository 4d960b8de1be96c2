"""Configuration files: read, checked against config.schema.yaml, defaults filled in."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from decimal import Decimal, InvalidOperation
from functools import cache
from glob import glob
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from qaloom.commands import SHARE
from qaloom.config.addresses import hide_secrets
from qaloom.config.hints import unknown_key_hint
from qaloom.config.settings import RunOptions, Settings, TrainingOptions, typed
from qaloom.config.yaml_file import check_values, one_line, read_yaml, without_aliases
from qaloom.errors import ConfigError
from qaloom.files import is_saved_dataset
from qaloom.project_files import DECISIONS

ROOT = SHARE if SHARE.is_dir() else Path(__file__).resolve().parents[3]
SCHEMA = ROOT / "config" / "config.schema.yaml"
DEMO = ROOT / "config" / "config.yaml"
PROJECT_FILE = "config.yaml"  # in a project's folder, read where no configuration is named


def load_config(path: Path | None = None) -> dict[str, Any]:
    """Read a YAML configuration and return it complete; without one, the settings of `defaults`.

    Raises ConfigError, one line, when the file is missing, is not YAML, or breaks the schema.
    """
    if path is None:
        return defaults()
    values = read_yaml(Path(path))
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold keys such as data: and runs:")
    return complete(values, str(path))


@cache
def _schema() -> dict[str, Any]:
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))


def complete(values: dict[str, Any], name: str = "config") -> dict[str, Any]:
    """Check values against the schema, fill in its defaults (in place) and return them.

    Secrets in the addresses of servers move to the environment (see `hide_secrets`).
    Raises ConfigError, which names the first wrong key, the mistake and the remedy.
    """
    check_values(values, name)
    values |= without_aliases(values)
    _empty_sections(values)
    _write_out_prompts(values)
    given = _given_keys(values)
    errors = list(_Filling(_schema()).iter_errors(values))
    if errors:
        raise ConfigError(one_line(f"{name}: {_sentence(jsonschema.exceptions.best_match(errors))}"))
    _take_over_adapters(values["runs"], given, name)
    _name_base(values, name)
    settings = typed(values, Settings)
    if not (settings.data.sources or settings.data.documents):
        raise ConfigError(
            f"{name}: data.sources: is empty; name files of questions and answers, or documents in data.documents"
        )
    _check_starts(settings.runs, name)
    for run, of_run in settings.runs.items():
        _check_adapter(of_run, f"{name}: runs.{run}")
        _check_intervals(of_run.training, f"{name}: runs.{run}.training")
    _check_exports(settings, name)
    hide_secrets(values)
    return values


def defaults() -> dict[str, Any]:
    """The configuration of a project that sets nothing but its sources and one run."""
    return complete({"data": {"sources": ["-"]}, "runs": {"demo": {}}})


def sources(globs: list[str], directory: Path = Path(), key: str = "data.sources") -> list[str]:
    """Files that the globs of `key`, data.sources or data.documents, name, sorted, relative to `directory`.

    A file of two names is given once.

    Raises ConfigError when a glob matches no file, so that a misspelt name is not silently no data, for what is
    neither file nor folder or cannot be read, and for names that Snakemake cannot handle.
    """
    found: set[str] = set()
    for pattern in globs:
        matches = [
            path
            for path in glob(pattern, root_dir=directory, recursive=True)
            if _is_source(path, directory, key)
        ]
        if not matches:
            raise ConfigError(one_line(f"{key}: {pattern!r} {_unmatched(pattern, directory)}"))
        found.update(matches)
    found = {path for path in found if not found.intersection(map(str, Path(path).parents))}  # in a data set
    # A link to a folder above itself would show every file forty times.
    once = {(directory / path).resolve(): path for path in sorted(found, key=lambda path: (-len(path), path))}
    return sorted(once.values())


def _unmatched(pattern: str, directory: Path) -> str:
    if os.path.isdir(directory / pattern):  # False for a name that is too long, too
        return f"is a folder; name the files in it, such as {(Path(pattern) / '*').as_posix()!r}"
    return f"matches no file in {directory.absolute()}; paths are relative to the working directory (DIR=, --directory)"


def _is_source(path: str, directory: Path, key: str) -> bool:
    """Whether a path that a glob matches is a file, or a folder that `datasets` saved; other folders are passed over,
    and so are a review's decisions.

    Raises ConfigError, see `sources`.
    """
    file, shown = directory / path, f"{key}: {path!r}"
    file = file.parent.resolve() / file.name  # a path through forty links opens no more
    if (file.is_dir() and not is_saved_dataset(file)) or file == (directory / DECISIONS).resolve():
        return False
    if os.fsencode(path).decode(errors="replace") != path:
        raise ConfigError(f"{shown} has a name that is not UTF-8; rename it")
    if {"{", "}"} & set(path):
        raise ConfigError(f"{shown} has braces in its name; rename it")
    if not file.exists():
        raise ConfigError(f"{shown} is a link to nothing; mend it or take it away")
    if not (file.is_file() or file.is_dir()):
        raise ConfigError(f"{shown} is no file but a pipe, socket or device; take it away or narrow the glob")
    if not os.access(file, os.R_OK):
        raise ConfigError(f"{shown} cannot be read; chmod u+r it, or take it out of {key}")
    return True


def _fill(
    validator: Any, properties: dict[str, Any], instance: Any, schema: Mapping[str, Any]
) -> Iterator[jsonschema.ValidationError]:
    """jsonschema's `properties` validator, which first fills in the defaults."""
    if isinstance(instance, dict):
        for key, sub in properties.items():
            if "default" in sub:
                instance.setdefault(key, deepcopy(sub["default"]))
            # JSON Schema takes 7.0 for an integer, Python does not.
            if "integer" in sub.get("type", ()) and isinstance(instance.get(key), float):
                instance[key] = _as_integer(instance[key])
    yield from jsonschema.Draft202012Validator.VALIDATORS["properties"](
        validator, properties, instance, schema
    )


def _as_integer(value: float) -> float:
    return int(value) if value.is_integer() else value


def _pattern(
    _validator: Any, pattern: str, instance: Any, _schema: Mapping[str, Any]
) -> Iterator[jsonschema.ValidationError]:
    """jsonschema's `pattern` validator, in which `$` is the end of a text, not also a line break before it."""
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


_Filling = jsonschema.validators.extend(
    jsonschema.Draft202012Validator, {"properties": _fill, "pattern": _pattern}
)


def _sentence(error: jsonschema.ValidationError) -> str:
    """A schema violation as a sentence: the key, what is wrong with its value, the remedy."""
    key = ".".join(str(part) for part in error.absolute_path) or "top level"
    expected: Any = error.validator_value  # of another type for each validator
    match error.validator:
        case "additionalProperties":
            return _unknown(key, error)
        case "enum":
            return f"{key}: {error.instance!r} is not one of {', '.join(map(_yaml_word, expected))}"
        case "required":
            return f"{key}: {error.message.replace(' is a required property', '')} is missing; add it"
        case "type":
            return f"{key}: {error.instance!r} {_wrong_type(error.instance, expected)}"
        case "pattern":
            schema = _schema_of(error)
            value, form = str(error.instance), schema.get("description", expected)
            number = _as_number(value) if {"number", "integer"} & set(schema.get("type", ())) else None
            return f"{key}: {value!r} {number or f'does not look like {form}'}"
    return f"{key}: {error.message}"


def _yaml_word(value: Any) -> str:
    """A value as it stands in a YAML file."""
    return value if isinstance(value, str) else json.dumps(value)


def _schema_of(error: jsonschema.ValidationError) -> Mapping[str, Any]:
    """The part of the schema that was violated; `true` and `false` are schemas without keys."""
    return error.schema if isinstance(error.schema, Mapping) else {}


def _wrong_type(value: Any, expected: str | list[str]) -> str:
    """Explain a value of another type."""
    types = [expected] if isinstance(expected, str) else expected
    if isinstance(value, str) and {"number", "integer"} & set(types) and (remedy := _as_number(value)):
        return remedy
    return f"is not of type {' or '.join(types)}"


def _as_number(text: str) -> str | None:
    """The notation of a text as the number that it is, None for another.

    YAML 1.1 reads a number as text if it is quoted or, like 2e-4, has no dot.
    """
    with suppress(InvalidOperation):
        number = Decimal(text)
        if number.is_finite() and abs(number.adjusted()) < 20:
            return f"is text in YAML, not a number; write {number:f}"
    return None


def _unknown(key: str, error: jsonschema.ValidationError) -> str:
    known = list(_schema_of(error).get("properties", {}))
    instance: Any = error.instance
    unknown = next(name for name in instance if name not in known)
    return f"{key}: unknown key {unknown!r}; {unknown_key_hint(str(unknown), known, _schema())}"


def _empty_sections(values: dict[str, Any]) -> None:
    """Replace null: a section or run with a name and nothing below it has all defaults."""
    runs = values.get("runs")
    for section in (values, runs if isinstance(runs, dict) else {}):
        section.update({key: {} for key, value in section.items() if value is None})


def _write_out_prompts(values: dict[str, Any]) -> None:
    """Replace the short form of a run's prompt, its template alone."""
    runs = values.get("runs")
    for run in runs.values() if isinstance(runs, dict) else ():
        if isinstance(run, dict) and isinstance(run.get("prompt"), str):
            run["prompt"] = {"template": run["prompt"]}


def _name_base(values: dict[str, Any], name: str) -> None:
    """Write the base model of the runs in the place of `base` in each model.reference that is asked."""
    asked = {"augment": "model" in values["augment"]["providers"]}
    asked["documents"] = bool(values["data"]["documents"]) and values["documents"]["provider"] == "model"
    models = sorted({run["base_model"] for run in values["runs"].values()})
    for section in ("augment", "documents"):
        model = values[section]["model"]
        if not asked[section] or model["reference"] != "base":
            continue
        if len(models) > 1:
            raise ConfigError(
                f"{name}: {section}.model.reference: base could be any of the runs' base models "
                f"{', '.join(models)}; name one"
            )
        model["reference"] = models[0]


def _check_starts(runs: Mapping[str, RunOptions], name: str) -> None:
    for run, settings in runs.items():
        seen, before = {run}, settings.start_from
        while before is not None:
            if before not in runs:
                raise ConfigError(f"{name}: runs.{run}.start_from: there is no run {before!r}")
            if before in seen:
                raise ConfigError(f"{name}: runs.{run}.start_from: runs start from each other in a circle")
            seen.add(before)
            before = runs[before].start_from
        if not (first := settings.start_from):
            continue
        if runs[first].method != settings.method:
            raise ConfigError(
                f"{name}: runs.{run}.start_from: {first} is of another method; give both the same"
            )
        if runs[first].base_model != settings.base_model:
            raise ConfigError(
                f"{name}: runs.{run}.base_model: it starts from {first}, which was trained on "
                f"{runs[first].base_model}; write the same, or leave it out"
            )


def _given_keys(values: Mapping[str, Any]) -> dict[str, set[str]]:
    """The keys that a configuration gives for each run, before defaults are filled in."""
    runs = values.get("runs")
    pairs = runs.items() if isinstance(runs, dict) else ()
    return {name: set(run) for name, run in pairs if isinstance(run, dict)}


def _take_over_adapters(runs: dict[str, Any], given: Mapping[str, set[str]], name: str) -> None:
    """Give a run that starts from another its base model and adapter settings.

    Raises ConfigError for adapter settings of its own, which could not be used: the adapter is there already.
    """
    for run, settings in runs.items():
        first, seen = settings["start_from"], {run}
        while first in runs and first not in seen and runs[first]["start_from"] is not None:
            seen.add(first)
            first = runs[first]["start_from"]
        if first not in runs or first in seen:
            continue  # which _check_starts names
        if "lora" in given[run] and settings["lora"] != runs[first]["lora"]:
            raise ConfigError(
                f"{name}: runs.{run}.lora: it starts from the adapter of {settings['start_from']}, which keeps its "
                "own settings; leave lora out"
            )
        settings["lora"] = deepcopy(runs[first]["lora"])
        if "base_model" not in given[run]:
            settings["base_model"] = runs[first]["base_model"]


def _check_adapter(run: RunOptions, where: str) -> None:
    """Raise ConfigError for adapter settings that exclude each other or would not be used."""
    lora = run.lora
    starts = [
        name
        for name, given in (("loftq", lora.loftq), ("init_lora_weights", lora.init_lora_weights == "pissa"))
        if given
    ]
    if len(starts) > 1:
        raise ConfigError(f"{where}.lora: loftq and pissa both choose the adapter's first values; keep one")
    if starts and run.precision != "16bit":
        raise ConfigError(
            f"{where}.lora.{starts[0]} works from the 16-bit weights; write precision: 16bit with it"
        )
    if lora.init_lora_weights == "pissa" and (lora.rslora or lora.dora):
        raise ConfigError(f"{where}.lora: pissa is not combined with rslora or dora; take them out")
    if run.method == "full" and (lora.bias != "none" or lora.modules_to_save):
        raise ConfigError(
            f"{where}.lora: method full trains all parameters; take bias and modules_to_save out"
        )


def _check_intervals(training: TrainingOptions, where: str) -> None:
    if training.eval_steps is None:
        return
    if not training.validation_fraction:
        raise ConfigError(
            f"{where}.eval_steps: nothing is held out to validate on; set validation_fraction, too"
        )
    if training.save_steps and training.save_steps % training.eval_steps:
        raise ConfigError(
            f"{where}.save_steps: a checkpoint is judged by its validation loss; write a multiple of eval_steps"
        )


def _check_exports(settings: Settings, name: str) -> None:
    for run in settings.export.runs:
        if run not in settings.runs:
            raise ConfigError(f"{name}: export.runs: there is no run {run!r}")
    for run, of_run in settings.runs.items():
        if of_run.method == "full" and settings.export.wanted(run):
            raise ConfigError(
                f"{name}: runs.{run}: method full is not exported, its results/train/{run} is a whole model "
                f"already; write export.runs.{run}: []"
            )

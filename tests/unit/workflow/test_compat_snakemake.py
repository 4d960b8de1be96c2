"""Snakemake's undocumented attributes: present in the locked version, and dispensable."""

import importlib
import inspect
from types import SimpleNamespace as Stand

import pytest

from qaloom.workflow.compat_snakemake import (
    configuration_files,
    dry_run_lines,
    explanation,
    is_main_process,
)

SOURCES = {"0a1b": "data/one.jsonl"}


class Params(dict):
    """Stand-in for a job's parameters."""


def stand_in():
    """A workflow of two jobs: a changed source file's, and one that reads what it writes."""
    names = ("validate_file", ["0a1b"]), ("split", [])
    first, second = (
        Hashable(rule=Stand(name=name), wildcards=values, is_checkpoint=False, params=Params(code="new"))
        for name, values in names
    )
    none = {"forced": False, "missing_output": set(), "incomplete_output": set(), "input_changed": False}
    reasons = {
        first: Stand(updated_input={"data/one.jsonl"}, updated_input_run=set(), **none),
        second: Stand(updated_input={"rows.jsonl"}, updated_input_run={"rows.jsonl"}, **none),
    }
    dag = Dag(reasons, {first: {}, second: {first: {"rows.jsonl"}}})
    persistence = Stand(params_changed=lambda job: False)
    return Stand(
        dag=dag, persistence=persistence, dryrun=True, is_main_process=True, overwrite_configfiles=["my.yaml"]
    )


class Hashable(Stand):
    __hash__ = object.__hash__
    __eq__ = object.__eq__


class Dag:
    def __init__(self, reasons, dependencies):
        self.reasons, self.dependencies = reasons, dependencies

    def __len__(self):
        return len(self.reasons)

    def reason(self, job):
        return self.reasons[job]

    def needrun_jobs(self, exclude_finished=True):
        return iter(self.reasons)

    def toposorted(self, jobs):
        return [[job] for job in self.reasons if job in jobs]


def test_jobs_and_their_causes():
    lines = [
        "Will run validate_file data/one.jsonl: data/one.jsonl changed.",
        "Will run split: input is made anew.",
    ]
    assert explanation(stand_in(), SOURCES) == lines == dry_run_lines(stand_in(), SOURCES)


def test_a_changed_parameter_is_the_program_or_a_setting():
    workflow = stand_in()
    for new, words in (({"'new'"}, "the program changed"), ({"'other'"}, "settings changed")):
        workflow.persistence = Stand(params_changed=lambda job, new=new: Stand(only_new=new))
        assert explanation(workflow, SOURCES)[1] == f"Will run split: {words}."


def without(workflow, path):
    """The stand-in less one attribute, named by its path: `dag.reason`."""
    *owners, name = path.split(".")
    owner = workflow
    for part in owners:
        owner = next(iter(owner.reasons.values())) if part == "[reason]" else getattr(owner, part)
    if isinstance(owner, Dag) and name in vars(Dag):
        workflow.dag = Stand(
            **{n: getattr(owner, n) for n in (*vars(owner), *vars(Dag)) if n != name and n[0] != "_"}
        )
    else:
        delattr(owner, name)
    return workflow


@pytest.mark.parametrize(
    "missing",
    [
        "dag",
        "persistence",
        "dag.reason",
        "dag.toposorted",
        "dag.needrun_jobs",
        "dag.dependencies",
        "persistence.params_changed",
        "dag.[reason].forced",
        "dag.[reason].missing_output",
        "dag.[reason].incomplete_output",
        "dag.[reason].updated_input",
        "dag.[reason].updated_input_run",
    ],
)
def test_a_missing_attribute_costs_the_explanation_alone(missing):
    [line] = explanation(without(stand_in(), missing), SOURCES)
    assert line.startswith("Why jobs run cannot be shown with this Snakemake (")
    assert missing.rpartition(".")[2] in line


def test_a_missing_only_new_costs_the_explanation_alone():
    workflow = stand_in()
    workflow.persistence = Stand(params_changed=lambda job: Stand())
    assert "only_new" in explanation(workflow, SOURCES)[0]


def test_another_signature_costs_the_explanation_alone():
    workflow = stand_in()
    workflow.dag.reason = lambda: None
    assert len(explanation(workflow, SOURCES)) == 1


def test_a_dry_run_that_cannot_be_recognised():
    workflow = stand_in()
    workflow.dryrun = False
    assert dry_run_lines(workflow, SOURCES) == []
    assert "dryrun" in dry_run_lines(without(stand_in(), "dryrun"), SOURCES)[0]


def test_the_main_process_is_assumed():
    assert is_main_process(without(stand_in(), "is_main_process"))


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        ("snakemake --cores all", []),
        ("snakemake --configfile a.yaml", ["a.yaml"]),
        ("snakemake --configfile a.yaml b.yaml --cores 2 report", ["a.yaml", "b.yaml"]),
        ("snakemake --configfiles=a.yaml -n", ["a.yaml"]),
    ],
)
def test_configuration_files_without_the_attribute(arguments, files):
    assert configuration_files(stand_in(), ()) == ["my.yaml"]
    assert configuration_files(without(stand_in(), "overwrite_configfiles"), arguments.split()) == files


HOLDS = {
    "snakemake.workflow.Workflow": "overwrite_configfiles is_main_process dryrun dag persistence",
    "snakemake.dag.DAG": "reason toposorted needrun_jobs __len__",
    "snakemake.jobs.Reason": (
        "forced missing_output incomplete_output updated_input updated_input_run input_changed"
    ),
    "snakemake.jobs.Job": "is_checkpoint params wildcards",
    "snakemake.persistence.PersistenceBase": "params_changed",
    "snakemake.persistence.ParamsChange": "only_new",
}


@pytest.mark.parametrize(("owner", "name"), [(o, n) for o, names in HOLDS.items() for n in names.split()])
def test_the_locked_snakemake_has(owner, name):
    """Fails by name when a new lock takes something away that compat_snakemake reads."""
    import snakemake.api  # noqa: F401, first: its modules import each other in a circle

    module, _, kind = owner.rpartition(".")
    found = getattr(importlib.import_module(module), kind)
    known = {*dir(found), *getattr(found, "__dataclass_fields__", ())}
    assert name in known, f"{owner}.{name} is gone"


def test_the_locked_snakemakes_signatures():
    import snakemake.api  # noqa: F401
    from snakemake.dag import DAG

    assert "exclude_finished" in inspect.signature(DAG.needrun_jobs).parameters
    assert "self.dependencies" in inspect.getsource(DAG)

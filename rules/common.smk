"""Configuration, input functions and code digests. No rules."""

import sys
from contextlib import suppress
from itertools import chain
from os.path import relpath
from pathlib import Path

try:
    from qaloom.inference import openai_client as endpoint
    from qaloom.base_model.stage import check_reference, model_name
    from qaloom.commands import is_wheel
    from qaloom.config.load import complete, sources
    from qaloom.config.settings import Settings, typed
    from qaloom.documents.questions import decisive_for_documents, model_of_documents
    from qaloom.documents.folder import folder_name
    from qaloom.inference.own_template import is_file_of_template, read_template
    from qaloom.code_digest import LIBRARY, code_digest
    from qaloom.workflow import compat_snakemake
    from qaloom.workflow.estimate import estimate_line, note_expected
    from qaloom.workflow.clock import bring_to_present, check_dates
    from qaloom.errors import DataError
    from qaloom.files import canonical, content_digest, digest, read_document
    from qaloom.project_files import DECISIONS
    from qaloom.formats import FORMATS, weights_for_ollama
    from qaloom.export.gguf import quantiser_path
    from qaloom.console import job, say, terminal_language
    from qaloom.workflow.killed import note_killed_jobs
    from qaloom.workflow.leftovers import check_writable, end_processes, mark, refuse_slurm_jobs
    from qaloom.workflow.stopping import stop_with_jobs
    from qaloom.augment.providers import check_providers, decisive, gathering, references, shards
except ImportError as error:
    sys.exit(
        f"qaloom: {error}; set up with 'make setup', then 'source .venv/bin/activate' (a wheel: install it again)"
    )

CONFIG_FILES = compat_snakemake.configuration_files(workflow)
CONFIG_NAME = (CONFIG_FILES or ["config/config.yaml"])[-1]
RUN_AGAIN = "qaloom run --config" if is_wheel() else "snakemake --cores all --configfile"


# The demo project, unless another is named: Snakemake would merge the two.
if not CONFIG_FILES:

    configfile: f"{workflow.basedir}/config/config.yaml"


# A mistake ends here as one line; Snakemake would print where it was found, too.
with job():
    complete(config, CONFIG_NAME)
    # Source files by a digest of their path: any name becomes a safe folder name.
    SOURCES = {digest(path)[:12]: path for path in sources(config["data"]["sources"])}
    # Documents by the folder of what is written from them.
    DOCUMENTS = {
        folder_name(path): path for path in sources(config["data"]["documents"], key="data.documents")
    }
    WRITER = model_of_documents(config)
    for run in config["runs"].values():
        check_reference(run["base_model"])
        if is_file_of_template(run["prompt"]["template"]):
            read_template(run["prompt"]["template"])
    check_providers(config["augment"])
    if endpoint.is_configured(config["evaluate"]["judge"]):
        endpoint.check_server(config["evaluate"]["judge"], "evaluate.judge")
    REWORDERS = references(config["augment"])
    EMBEDDER = config["dedup"]["embedding_model"]
    JUDGE = config["augment"]["gates"]["judge"]
    NAMED = [*REWORDERS, *filter(None, (EMBEDDER, JUDGE, WRITER))]  # models beside those of the runs
    for reference in NAMED:
        check_reference(reference)
    SETTINGS = typed(config, Settings)
    EXPORTS = {run: SETTINGS.export.wanted(run) for run in config["runs"]}
    if any("gguf-q4_k_m" in kinds for kinds in EXPORTS.values()):
        quantiser_path()
    if compat_snakemake.is_main_process(workflow):
        check_writable(Path.cwd())
        bring_to_present(Path("results"))
        mark(Path.cwd())
RUNS = config["runs"]
# What people decided about rows, where they did.
DECIDED = str(DECISIONS) if DECISIONS.is_file() else []
# What validate reads: the sources, and the rows written from documents.
WRITTEN = [f"results/documents/{name}/rows.jsonl" for name in DOCUMENTS]
FILES = SOURCES | {digest(path)[:12]: path for path in WRITTEN}
# Runs whose model is trained once more, on all rows.
FINAL = [run for run in RUNS if SETTINGS.has_final(run)]
# Only what asks a model is worked through in shards. Their number is in their names, since the same name for
# another part of the questions would pass as done.
SHARDS = shards(config["augment"])
MODELS = {model_name(name): name for name in [*NAMED, *(run["base_model"] for run in RUNS.values())]}
# A model's own code is brought along if any run may use it.
TRUSTED = {run["base_model"] for run in RUNS.values() if run["trust_remote_code"]}


wildcard_constraints:
    format="|".join(FORMATS),
    document="|".join(map(re.escape, DOCUMENTS)) or "(?!)",
    file="[0-9a-f]{12}",
    model="|".join(map(re.escape, MODELS)),
    run="|".join(map(re.escape, RUNS)),
    shard=r"\d+-of-\d+",


def runs_of(method, among=RUNS):
    """A pattern of the runs that train an adapter (lora) or all parameters (full); of none, one that never fits."""
    return "|".join(re.escape(name) for name in among if RUNS[name]["method"] == method) or "(?!)"


def settings(*keys):
    """A part of the configuration as text: equal settings are equal text, whatever their key order."""
    part = config
    for key in keys:
        part = part[key]
    return canonical(part)


def settings_of(section, *names):
    """Some settings of a section as text."""
    return canonical({name: config[section][name] for name in names})


def code(rule_name, *assets):
    """The digest of a rule's script, of all library modules it reaches, and of the `assets` it reads."""
    script = Path(workflow.basedir) / "scripts" / f"{rule_name}.py"
    return code_digest(script, *(LIBRARY / name for name in assets))


def source_file(wildcards):
    return FILES[wildcards.file]


def files_of_source(wildcards):
    """The source, or the files of a folder that is one, so that changed ones are seen."""
    path = Path(FILES[wildcards.file])
    return sorted(map(str, path.rglob("*.*"))) if path.is_dir() else str(path)


def gpu_for(models):
    """The GPU of a job that asks models, if any are named; a request for none would be one, too."""
    return {"gpu": 1} if models else {}


def source_digest(wildcards):
    # Rows written from a document are not there when jobs are planned; the job that writes them is run before.
    return content_digest(Path(SOURCES[wildcards.file])) if wildcards.file in SOURCES else "written here"


def document_file(wildcards):
    return DOCUMENTS[wildcards.document]


def document_digest(wildcards):
    return content_digest(Path(DOCUMENTS[wildcards.document]))


def model_files(wildcards):
    return files_of_model(MODELS[wildcards.model])


def files_of_model(reference):
    """The files of a `path:` model, so that changed weights are seen; nothing for the other kinds."""
    kind, _, folder = reference.partition(":")
    return sorted(map(str, Path(folder).expanduser().glob("*.*"))) if kind == "path" else []


if compat_snakemake.is_main_process(workflow):
    with job():
        check_dates(
            [
                *SOURCES.values(),
                *DOCUMENTS.values(),
                *([DECIDED] if DECIDED else []),
                *chain.from_iterable(map(files_of_model, MODELS.values())),
            ]
        )


def base_model_of(wildcards):
    return f"<results>/base_model/{model_name(RUNS[wildcards.run]['base_model'])}/manifest.json"


def after_split(path):
    """An input function for a file that is known only once the split has run.

    Behind a checkpoint Snakemake looks at the file's content again, so that a split that comes out the
    same causes nothing.
    """

    def once_split(wildcards):
        checkpoints.split.get()
        return path

    return once_split


def shard_questions(wildcards):
    """A shard's questions, known only once they are sorted in: a shard that stays the same causes nothing."""
    checkpoints.augment_questions.get()
    return f"<results>/augment/questions/{wildcards.shard}.jsonl"


def split_file(name):
    """An input function for a file of the split."""
    return after_split(f"<results>/split/{name}")


def rows_of(part):
    """An input function for rows to train on, whatever their age: their digest, a parameter of the rule, decides."""
    once_split = split_file(f"{part}.jsonl")
    return lambda wildcards: ancient(once_split(wildcards))


def digest_of(part):
    def recorded(wildcards):
        # A job that reads the manifest says what is damaged in it.
        with suppress(OSError, DataError, LookupError, TypeError):
            return read_document(Path("results/split/manifest.json"), dict)[part]["sha256"]
        return "not split yet"

    return recorded


def training_settings(wildcards):
    """A run's settings but for `final`, which adds a training and changes none."""
    return canonical(RUNS[wildcards.run] | {"final": False})


def grounded_settings(wildcards):
    """Settings that decide grounded answers, if they are measured; else nothing."""
    if not config["serve"]["grounded"]["rows"]:
        return ""
    abstain = RUNS[wildcards.run]["training"]["abstain"]
    return canonical(config["serve"]["grounded"] | {"text": abstain["text"]})


def embedder_of_rows(wildcards):
    """The embedding model, if one finds rows for grounded answers that are measured."""
    if not (EMBEDDER and config["serve"]["grounded"]["rows"]):
        return []
    return f"<results>/base_model/{model_name(EMBEDDER)}/manifest.json"


def start_adapter(wildcards):
    """The adapter that a run starts from, if it names one."""
    start = RUNS[wildcards.run]["start_from"]
    return f"<results>/train/{start}/manifest.json" if start else []


def prompt_template(wildcards):
    """The Jinja file that a run's prompt is written by, if it names one."""
    template = RUNS[wildcards.run]["prompt"]["template"]
    return template if is_file_of_template(template) else []


def general_prompts(wildcards):
    """The file of general prompts that a run keeps its base on, if it does and names one."""
    keep = RUNS[wildcards.run]["training"]["keep"]
    return keep["prompts"] if keep["strength"] and keep["prompts"] != "built-in" else []


def taught_look_alikes(wildcards):
    """The look-alike questions of the split, if a run is taught to abstain on them."""
    if not RUNS[wildcards.run]["training"]["abstain"]["share"]:
        return []
    return split_file("lookalike_training.jsonl")(wildcards)


def start_of_final(wildcards):
    """The same for a final model: the final one of the run that it starts from, if that has one."""
    start = RUNS[wildcards.run]["start_from"]
    return f"{trained_folder(start)}/manifest.json" if start else []


def trained_folder(run):
    """Where the model lies that is exported: the final one where there is one."""
    return f"<results>/{'final' if run in FINAL else 'train'}/{run}"


def model_to_export(wildcards):
    return f"{trained_folder(wildcards.run)}/manifest.json"


def answers_of_model(wildcards):
    """Answers of the model that is exported, to compare its exports with."""
    stage = "memory_check" if wildcards.run in FINAL else "evaluate"
    return f"<results>/{stage}/{wildcards.run}/predictions.jsonl"


def memory_check_of(wildcards):
    return f"<results>/memory_check/{wildcards.run}/metrics.json" if wildcards.run in FINAL else []


def source_of_format(wildcards):
    """What a format is made of beside the adapter: merged weights for GGUF, a GGUF file for Ollama."""
    if wildcards.format in ("adapter", "merged"):
        return []
    return f"<results>/convert/{wildcards.run}/{gguf_of(wildcards) if wildcards.format == 'ollama' else 'merged'}"


def weights_of_modelfile(wildcards):
    """The GGUF file that a Modelfile is asked with."""
    return f"<results>/convert/{wildcards.run}/{gguf_of(wildcards)}" if wildcards.format == "ollama" else []


def gguf_of(wildcards):
    return weights_for_ollama(EXPORTS[wildcards.run]) or "gguf-q8_0"


def exports(pattern):
    """The files that `pattern` names for each run and format that the configuration asks for."""
    return [pattern.format(run=run, format=kind) for run, kinds in EXPORTS.items() for kind in kinds]

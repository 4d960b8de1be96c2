"""A tiny model, a copy of the program, and a project that has been through it once."""

import shutil
from pathlib import Path

import pytest
from harness import MODEL, ROOT, House, Project, Run, copied, rows, write_rows

Finished = tuple[Project, Run]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two layers with random weights and a byte-level tokenizer: 600 KB, trained in seconds."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

    bytes_ = Tokenizer(models.BPE())
    bytes_.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bytes_.train_from_iterator([text for row in rows() for text in row.values()], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytes_, pad_token=special[0], bos_token=special[1], eos_token=special[2]
    )
    tokenizer.chat_template = TEMPLATE
    set_seed(7)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
    )
    folder = tmp_path_factory.mktemp("model") / MODEL
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The program as it stood when the tests began."""
    return House.of(ROOT, tmp_path_factory.mktemp("house"))


@pytest.fixture
def house(shared_house: House, tmp_path: Path) -> House:
    """A copy of the program that a test may edit."""
    return House.of(shared_house.folder, tmp_path / "house")


# The base model's answers take a process of their own: tests of keep have them.
TRAINING = {"epochs": 1, "keep": {"strength": 0}}


def new_project(folder: Path, house: House, model: Path) -> Project:
    """Forty rows in two files, and a run on the tiny model."""
    project = Project(folder, house)
    records = rows()
    write_rows(folder / "data" / "one.jsonl", records[:20])
    write_rows(folder / "data" / "two.jsonl", records[20:])
    shutil.copytree(model, folder / MODEL)
    project.configure(
        data={"sources": ["data/*.jsonl"]},
        split={"recall_fraction": 0.25},
        augment={},
        evaluate={"max_new_tokens": 4},
        runs={"first": {"base_model": f"path:{MODEL}", "lora": {"r": 4}, "training": TRAINING}},
    )
    return project


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory, shared_house: House, tiny_model: Path) -> Finished:
    """A project that has been through the workflow once, and that run. Not to be changed."""
    project = new_project(tmp_path_factory.mktemp("first") / "project", shared_house, tiny_model)
    run = project.snakemake()
    assert run.code == 0, run.output
    return project, run


@pytest.fixture(scope="session")
def second_run(tmp_path_factory: pytest.TempPathFactory, first_run: Finished) -> Finished:
    """The same with a second run of equal settings added, and what that caused. Not to be changed."""
    project = copied(first_run[0], tmp_path_factory.mktemp("second"))
    project.change_run("second", lora={"r": 4}, training={"epochs": 1})
    run = project.snakemake()
    assert run.code == 0, run.output
    return project, run


@pytest.fixture
def project(first_run: Finished, tmp_path: Path) -> Project:
    """A copy of the finished project: same content, same times, results and cache included."""
    return copied(first_run[0], tmp_path)


@pytest.fixture
def two_runs(second_run: Finished, tmp_path: Path) -> Project:
    """A copy of the finished project of two runs."""
    return copied(second_run[0], tmp_path)


@pytest.fixture
def fresh(tmp_path: Path, shared_house: House, tiny_model: Path) -> Project:
    """The same project before its first run."""
    return new_project(tmp_path / "project", shared_house, tiny_model)


@pytest.fixture
def fresh_but_trained(fresh: Project, first_run: Finished) -> Project:
    """The project before its first run, with its training in the cache: for tests of the way there."""
    shutil.copytree(first_run[0].path("cache/train"), fresh.path("cache/train"))
    return fresh

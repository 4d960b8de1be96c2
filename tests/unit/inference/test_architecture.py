"""Sizes of decoders, by their published configurations and parameter counts."""

import json

import pytest

from qaloom.errors import ModelError
from qaloom.inference.architecture import architecture, target_projections

VISION = {
    "model_type": "siglip_vision_model", "hidden_size": 1152, "intermediate_size": 4304, "num_attention_heads": 16,
    "num_hidden_layers": 27, "image_size": 896, "patch_size": 14,
}  # fmt: skip
LLAMA = {
    "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
    "num_hidden_layers": 32, "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": False,
}  # fmt: skip
# name: config.json, parameters of the language model (model cards), names of its projections
PUBLISHED = {
    "Llama-3-8B": (LLAMA, 8.03e9, {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}),
    "Gemma 3 12B": (
        {
            "model_type": "gemma3", "vision_config": VISION,
            "text_config": {
                "model_type": "gemma3_text", "hidden_size": 3840, "intermediate_size": 15360, "head_dim": 256,
                "num_attention_heads": 16, "num_hidden_layers": 48, "num_key_value_heads": 8,
            },
        },
        11.77e9,
        {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"},
    ),
    "Gemma 3 4B": (
        {
            "model_type": "gemma3", "vision_config": VISION,
            "text_config": {
                "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
            },
        },
        3.88e9,
        {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"},
    ),
    "Qwen3-30B-A3B": (
        {
            "model_type": "qwen3_moe", "head_dim": 128, "hidden_size": 2048, "intermediate_size": 6144,
            "moe_intermediate_size": 768, "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8,
            "num_hidden_layers": 48, "num_key_value_heads": 4, "tie_word_embeddings": False, "vocab_size": 151936,
        },
        30.5e9,
        {"q_proj", "k_proj", "v_proj", "o_proj"},
    ),
    "EXAONE-3.5-7.8B": (
        {
            "model_type": "exaone", "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
            "num_key_value_heads": 8, "num_layers": 32, "vocab_size": 102400, "head_dim": 128,
            "tie_word_embeddings": False, "auto_map": {"AutoConfig": "configuration_exaone.ExaoneConfig"},
        },
        7.82e9,
        {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"},
    ),
    "gpt-oss-20b": (
        {
            "model_type": "gpt_oss", "head_dim": 64, "hidden_size": 2880, "intermediate_size": 2880,
            "num_attention_heads": 64, "num_experts_per_tok": 4, "num_hidden_layers": 24, "num_key_value_heads": 8,
            "num_local_experts": 32, "tie_word_embeddings": False, "vocab_size": 201088,
        },
        20.9e9,
        {"q_proj", "k_proj", "v_proj", "o_proj"},
    ),
    "GPT-2": (
        {"model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12, "vocab_size": 50257},
        0.124e9,
        {"c_attn", "c_proj", "c_fc"},
    ),
    "Polyglot-Ko 1.3B": (
        {
            "model_type": "gpt_neox", "hidden_size": 2048, "intermediate_size": 8192, "num_attention_heads": 16,
            "num_hidden_layers": 24, "vocab_size": 30080,
        },
        1.33e9,
        {"query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"},
    ),
}  # fmt: skip


def written(folder, values):
    (folder / "config.json").write_text(json.dumps(values) if isinstance(values, dict) else values)
    return folder


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_of_the_model_card(tmp_path, name):
    values, parameters, projections = PUBLISHED[name]
    found = architecture(written(tmp_path, values))
    assert found.parameters == pytest.approx(parameters, rel=0.01)
    assert {projection.name for projection in found.projections} == projections


def test_experts_and_a_vision_tower_count_apart(tmp_path):
    assert architecture(written(tmp_path, PUBLISHED["Qwen3-30B-A3B"][0])).experts == pytest.approx(
        29e9, rel=0.01
    )
    gemma = tmp_path / "gemma"
    gemma.mkdir()
    found = architecture(written(gemma, PUBLISHED["Gemma 3 4B"][0]))
    assert found.experts == 0
    assert found.other == pytest.approx(0.44e9, rel=0.05)
    assert found.kv == 4 * 256  # the defaults of the text part


def test_an_adapter_counts_the_layers_that_it_names(tmp_path):
    size = architecture(written(tmp_path, LLAMA))
    assert size.adapter(16) == 41_943_040  # as peft counts it
    assert size.adapter(8, ["q_proj"]) == 8 * 32 * (4096 + 4096)
    assert size.adapter(8, ["nothing"]) == 0


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ("{", "cannot be read"),
        ("[]", "holds no JSON object"),
        ({"model_type": "vit"}, "name a text decoder"),
        ({"model_type": "strange"}, "num_hidden_layers is missing"),
        (LLAMA | {"hidden_size": "x"}, "cannot be used"),
        (LLAMA | {"num_attention_heads": 0}, "cannot be used"),
        (LLAMA | {"hidden_act": "nonsense"}, "cannot be used"),
    ],
)
def test_what_is_no_decoder_is_one_line(tmp_path, values, problem):
    with pytest.raises(ModelError, match=problem) as raised:
        architecture(written(tmp_path, values))
    assert "\n" not in str(raised.value)
    with pytest.raises(ModelError, match=r"config\.json: cannot be read"):
        architecture(tmp_path / "gone")


def test_layers_that_peft_takes_for_experts_have_no_adapter(tmp_path):
    """DeepSeek V3 has dense layers and shared experts, whose projections are named like those of the experts."""
    few = {
        "num_hidden_layers": 2,
        "first_k_dense_replace": 1,
        "n_routed_experts": 4,
        "n_group": 1,
        "topk_group": 1,
    }
    size = architecture(written(tmp_path, few | {"model_type": "deepseek_v3", "num_experts_per_tok": 2}))
    assert "gate_proj" in {projection.name for projection in size.projections}
    attention = ["kv_a_proj_with_mqa", "kv_b_proj", "o_proj", "q_a_proj", "q_b_proj"]
    assert target_projections(size, ["all-linear"]) == attention
    assert size.adapter(8) == size.adapter(8, attention)
    with pytest.raises(ModelError, match="has no layer gate_proj for an adapter; it has kv_a_proj"):
        target_projections(size, ["gate_proj"])


def test_target_modules_that_no_layer_has_are_refused(tmp_path):
    size = architecture(written(tmp_path, PUBLISHED["GPT-2"][0]))
    assert target_projections(size, ["all-linear"]) == ["c_attn", "c_fc", "c_proj"]
    assert target_projections(size, ["c_attn"]) == ["c_attn"]
    with pytest.raises(
        ModelError,
        match=r"target_modules: the base model has no layer q_proj for an adapter; it has c_attn, c_fc",
    ):
        target_projections(size, ["c_attn", "q_proj"])

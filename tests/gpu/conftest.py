"""A small model for tests on a GPU."""

import pytest


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A Llama of four wide layers, random weights."""
    import torch
    from tiny_model import make_tokenizer
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("model")
    config = LlamaConfig(
        vocab_size=320, hidden_size=1024, intermediate_size=4096, num_hidden_layers=4, num_attention_heads=8,
        num_key_value_heads=4, max_position_embeddings=2048, bos_token_id=1, eos_token_id=4, pad_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    make_tokenizer("chatml").save_pretrained(folder)
    (folder / "manifest.json").write_text('{"origin": "path:tiny", "sha256": "00"}')
    return folder

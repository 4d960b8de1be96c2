"""A tiny model with random weights for each model family, of the family's own architecture."""

import hashlib
from pathlib import Path

from families import FAMILIES, family_tokenizer, write_sentencepiece

from qaloom.files import write_json

SIZES = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512, "head_dim": 16, "initializer_range": 0.3,
}  # fmt: skip
_MULTI_HEAD = {"num_key_value_heads": 4}
_GPT2 = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 512}
_EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 64}
# DeepSeek's: one dense layer, then experts in groups; keys and values of a low rank.
_LATENT = {
    **_EXPERTS, **_MULTI_HEAD, "n_routed_experts": 4, "n_group": 2, "topk_group": 1, "first_k_dense_replace": 1,
    "q_lora_rank": 32, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 16, "v_head_dim": 16,
}  # fmt: skip
# Family: transformers' class of its configuration, and what differs from SIZES.
ARCHITECTURES = {
    "polyglot-ko": ("GPTNeoXConfig", {}),
    "gpt2": ("GPT2Config", _GPT2),
    "llama-2": ("LlamaConfig", _MULTI_HEAD),
    "llama-3": ("LlamaConfig", {"tie_word_embeddings": True}),
    "mistral": ("MistralConfig", {"sliding_window": None}),
    "gemma": ("Gemma2Config", {"sliding_window": 128, "query_pre_attn_scalar": 16}),
    "gemma-3-in-parts": ("Gemma3TextConfig", {"sliding_window": 128, "query_pre_attn_scalar": 16}),
    "qwen-2.5": ("Qwen2Config", {"tie_word_embeddings": True}),
    "qwen-3": ("Qwen3Config", {"tie_word_embeddings": True}),
    "qwen-3-experts": ("Qwen3MoeConfig", {**_EXPERTS, "num_experts": 4}),
    "deepseek-r1": ("Qwen2Config", {}),
    "exaone-3.5": ("Exaone4Config", {"layer_types": ["full_attention"] * 2, "tie_word_embeddings": True}),
    "solar": ("LlamaConfig", {}),
    "eeve": ("LlamaConfig", {}),
    "phi-3": ("Phi3Config", _MULTI_HEAD),
    "hyperclova-x": ("LlamaConfig", {"tie_word_embeddings": True}),
    "kanana": ("LlamaConfig", {}),
    "gpt-oss": ("GptOssConfig", {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 128}),
    "chatml-with-generation-tags": ("SmolLM3Config", {}),
    "granite-3": ("GraniteConfig", {}),
    "olmo-2": ("Olmo2Config", {}),
    "command-r": ("CohereConfig", {"tie_word_embeddings": True}),
    "command-r7b": ("Cohere2Config", {"rotary_pct": 1.0, "tie_word_embeddings": True, "sliding_window": 128}),
    "deepseek-v3": ("DeepseekV3Config", _LATENT),
}  # fmt: skip
assert ARCHITECTURES.keys() == FAMILIES.keys()


def family_model(name: str, folder: Path) -> Path:
    """Write the family's tiny model, its tokenizer and base_model's manifest to `folder`."""
    import torch
    import transformers

    tokenizer = family_tokenizer(name)
    kind, changes = ARCHITECTURES[name]
    tokens = {f"{part}_token_id": getattr(tokenizer, f"{part}_token_id") for part in ("bos", "eos", "pad")}
    sizes = changes if kind == "GPT2Config" else SIZES | changes
    config = getattr(transformers, kind)(vocab_size=len(tokenizer), **sizes, **tokens)
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_sentencepiece(tokenizer, folder)
    sha = hashlib.sha256(name.encode()).hexdigest()
    write_json(folder / "manifest.json", {"origin": f"path:{name}", "sha256": sha, "licence": "mit"})
    return folder

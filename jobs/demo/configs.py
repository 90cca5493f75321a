# SPDX-License-Identifier: Apache-2.0
"""Shapes of the two demo models, about a million parameters each."""

import transformers

import tokenizer as demo_tokenizer

LAYERS = 4
HEADS = 4
CONTEXT = 512  # positions; the longest problem with its solution takes about 150


def _common(tokenizer: transformers.PreTrainedTokenizerFast) -> dict:
    return {
        "vocab_size": demo_tokenizer.VOCAB_SIZE,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "max_position_embeddings": CONTEXT,
        "initializer_range": 0.06,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "bos_token_id": None,
        "eos_token_id": tokenizer.convert_tokens_to_ids("<|im_end|>"),
        "pad_token_id": tokenizer.convert_tokens_to_ids("<|endoftext|>"),
    }


def dense(tokenizer: transformers.PreTrainedTokenizerFast) -> transformers.Qwen3Config:
    """Grouped-query attention with normalized queries and keys, in the form of Qwen3."""
    return transformers.Qwen3Config(
        **_common(tokenizer),
        hidden_size=160,
        intermediate_size=384,
        num_key_value_heads=2,
        head_dim=32,
        tie_word_embeddings=True,
    )


def moe(tokenizer: transformers.PreTrainedTokenizerFast) -> transformers.DeepseekV3Config:
    """Latent attention, a shared expert and grouped sigmoid routing, in the form of DeepSeek-V3."""
    return transformers.DeepseekV3Config(
        **_common(tokenizer),
        hidden_size=128,
        intermediate_size=320,
        moe_intermediate_size=96,
        num_key_value_heads=HEADS,
        q_lora_rank=64,
        kv_lora_rank=32,
        qk_nope_head_dim=32,
        qk_rope_head_dim=16,
        v_head_dim=32,
        n_routed_experts=8,
        num_experts_per_tok=2,
        n_shared_experts=1,
        n_group=4,
        topk_group=2,
        routed_scaling_factor=2.0,
        norm_topk_prob=True,
        first_k_dense_replace=1,
        num_mtp_layers=0,
    )


def build(name: str, tokenizer: transformers.PreTrainedTokenizerFast):
    """A freshly initialized model, "dense" or "moe"."""
    if name == "dense":
        return transformers.Qwen3ForCausalLM(dense(tokenizer))
    return transformers.DeepseekV3ForCausalLM(moe(tokenizer))

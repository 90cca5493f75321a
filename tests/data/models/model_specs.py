# SPDX-License-Identifier: Apache-2.0
"""The shapes of the tiny checkpoints: small enough to keep, odd enough to find mistakes."""

import torch
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM, LlamaConfig, LlamaForCausalLM
from transformers import Qwen3Config, Qwen3ForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

import dense_specs
import gemma_specs
import moe_specs
import more_dense_specs
from spec_base import COMMON, old_rope, spec

LONG = (200, 50)

LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}

YARN_ROPE = {
    "rope_type": "yarn",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "beta_fast": 4,
    "beta_slow": 1,
    "mscale": 1.0,
    "mscale_all_dim": 0.75,
    "original_max_position_embeddings": 128,
}


def apply_old_spelling(config):
    """Rewrites a config.json of transformers 5 as published checkpoints of the time before spell it."""
    config = old_rope(config)
    if config["model_type"] == "deepseek_v3":
        config |= {"scoring_func": "sigmoid", "topk_method": "noaux_tc", "moe_layer_freq": 1, "ep_size": 1}
        config.pop("rope_interleave", None)
        config.pop("head_dim", None)
        config.pop("qk_head_dim", None)
    if config["model_type"] == "qwen3_moe":
        config["num_experts"] = config.pop("num_local_experts")
    return config


def llama3():
    config = LlamaConfig(
        vocab_size=259, hidden_size=48, intermediate_size=152, num_hidden_layers=3,
        num_attention_heads=6, num_key_value_heads=2, head_dim=12, rms_norm_eps=1e-5,
        max_position_embeddings=512, rope_parameters=LLAMA3_ROPE, tie_word_embeddings=False, **COMMON,
    )  # fmt: skip
    return spec(LlamaForCausalLM, config, 1, "Llama, 6 heads on 2, llama3 rope, F32", tokens=LONG)


def llama3_bf16():
    config = LlamaConfig(
        vocab_size=251, hidden_size=64, intermediate_size=168, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=1, head_dim=16, rms_norm_eps=1e-5,
        max_position_embeddings=512, rope_parameters=LLAMA3_ROPE, tie_word_embeddings=True, **COMMON,
    )  # fmt: skip
    summary = "Llama, 4 heads on 1, tied, several shards, old config spelling, BF16"
    return spec(LlamaForCausalLM, config, 2, summary, torch.bfloat16, "100KB", apply_old_spelling, tokens=LONG)


def qwen3():
    config = Qwen3Config(
        vocab_size=257, hidden_size=48, intermediate_size=104, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-6,
        max_position_embeddings=512, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}, **COMMON,
    )  # fmt: skip
    return spec(Qwen3ForCausalLM, config, 3, "Qwen3, 4 heads on 2, tied, 4 layers, F32", tokens=LONG)


def qwen3_f16():
    config = Qwen3Config(
        vocab_size=261, hidden_size=64, intermediate_size=120, num_hidden_layers=3,
        num_attention_heads=6, num_key_value_heads=3, head_dim=16, rms_norm_eps=1e-6,
        max_position_embeddings=512, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, **COMMON,
    )  # fmt: skip
    return spec(Qwen3ForCausalLM, config, 4, "Qwen3, 6 heads on 3, untied, F16", torch.float16, tokens=LONG)


def qwen3_moe():
    config = Qwen3MoeConfig(
        vocab_size=211, hidden_size=48, intermediate_size=72, moe_intermediate_size=20,
        num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=4, head_dim=16,
        num_experts=8, num_experts_per_tok=3, norm_topk_prob=True, decoder_sparse_step=1,
        mlp_only_layers=[1], rms_norm_eps=1e-6, max_position_embeddings=512,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}, **COMMON,
    )  # fmt: skip
    return spec(Qwen3MoeForCausalLM, config, 5, "Qwen3-MoE, 3 of 8 experts, layer 1 dense, F32", tokens=LONG)


def qwen3_moe_bf16():
    config = Qwen3MoeConfig(
        vocab_size=227, hidden_size=48, intermediate_size=88, moe_intermediate_size=24,
        num_hidden_layers=4, num_attention_heads=6, num_key_value_heads=2, head_dim=16,
        num_experts=12, num_experts_per_tok=2, norm_topk_prob=False, decoder_sparse_step=2,
        mlp_only_layers=[], rms_norm_eps=1e-6, max_position_embeddings=512, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, **COMMON,
    )  # fmt: skip
    summary = "Qwen3-MoE, 6 heads on 2, 2 of 12 experts in every second layer, tied, old config spelling, BF16"
    return spec(Qwen3MoeForCausalLM, config, 8, summary, torch.bfloat16, "100KB", apply_old_spelling, tokens=LONG)


def deepseek_v3():
    config = DeepseekV3Config(
        vocab_size=179, hidden_size=48, intermediate_size=88, moe_intermediate_size=16,
        num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=6, q_lora_rank=24,
        kv_lora_rank=32, qk_nope_head_dim=16, qk_rope_head_dim=16, v_head_dim=12,
        n_routed_experts=8, n_shared_experts=1, num_experts_per_tok=3, n_group=4, topk_group=2,
        routed_scaling_factor=2.5, norm_topk_prob=True, first_k_dense_replace=1, num_mtp_layers=0,
        max_position_embeddings=512, rope_parameters=YARN_ROPE, tie_word_embeddings=False, **COMMON,
    )  # fmt: skip
    summary = "DeepSeek-V3, 6 heads, low-rank queries, 3 of 8 experts in 2 of 4 groups, yarn, shards, F32"
    return spec(DeepseekV3ForCausalLM, config, 6, summary, max_shard_size="200KB", tokens=LONG)


def deepseek_v3_noq():
    config = DeepseekV3Config(
        vocab_size=223, hidden_size=48, intermediate_size=104, moe_intermediate_size=20,
        num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=4, q_lora_rank=None,
        kv_lora_rank=24, qk_nope_head_dim=12, qk_rope_head_dim=16, v_head_dim=16,
        n_routed_experts=12, n_shared_experts=2, num_experts_per_tok=3, n_group=1, topk_group=1,
        routed_scaling_factor=1.5, norm_topk_prob=True, first_k_dense_replace=1, num_mtp_layers=0,
        max_position_embeddings=512, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, **COMMON,
    )  # fmt: skip
    summary = "DeepSeek-V3, 4 heads, full queries, 3 of 12 experts, 2 shared, old config spelling, BF16"
    return spec(DeepseekV3ForCausalLM, config, 7, summary, torch.bfloat16, old_spelling=apply_old_spelling, tokens=LONG)


MAKERS = [llama3, llama3_bf16, qwen3, qwen3_f16, qwen3_moe, qwen3_moe_bf16, deepseek_v3, deepseek_v3_noq]
MAKERS += dense_specs.MAKERS + gemma_specs.MAKERS + moe_specs.MAKERS + more_dense_specs.MAKERS
SPECS = {maker.__name__: maker() for maker in MAKERS}

# SPDX-License-Identifier: Apache-2.0
"""Tiny checkpoints of families with experts."""

import torch
from transformers import GptOssConfig, GptOssForCausalLM, MixtralConfig, MixtralForCausalLM

from spec_base import COMMON, old_rope, old_spelling, spec


def mixtral():
    config = MixtralConfig(
        vocab_size=119, hidden_size=48, intermediate_size=32, num_hidden_layers=3,
        num_attention_heads=6, num_key_value_heads=2, num_local_experts=4, num_experts_per_tok=2,
        rms_norm_eps=1e-5, sliding_window=None, max_position_embeddings=256,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}, tie_word_embeddings=False, **COMMON,
    )  # fmt: skip
    summary = "Mixtral: 2 of 4 experts, 6 heads on 2, BF16"
    spelling = old_spelling("head_dim")
    return spec(MixtralForCausalLM, config, 41, summary, torch.bfloat16, "100KB", spelling)


def gpt_oss():
    rope = {
        "rope_type": "yarn",
        "rope_theta": 150000.0,
        "factor": 8.0,
        "beta_fast": 6.0,
        "beta_slow": 1.0,
        "truncate": False,
        "original_max_position_embeddings": 64,
    }
    config = GptOssConfig(
        vocab_size=117, hidden_size=40, intermediate_size=20, num_hidden_layers=4,
        num_attention_heads=6, num_key_value_heads=2, head_dim=12, num_local_experts=5, num_experts_per_tok=2,
        sliding_window=24, swiglu_limit=1.5, rms_norm_eps=1e-5, max_position_embeddings=512,
        rope_parameters=rope, tie_word_embeddings=False, **COMMON,
    )  # fmt: skip

    def spelling(config):
        config = old_rope(config)
        config.pop("swiglu_alpha", None)
        config["experts_per_token"] = config["num_experts_per_tok"]
        config["initial_context_length"] = 64
        return config

    summary = "gpt-oss: sinks, window of 24 in every second layer, yarn not truncated, 2 of 5 experts, BF16"
    without = {
        "windows": {"layer_types": ["full_attention"] * 4},
        "order of windows": {"layer_types": ["full_attention", "sliding_attention"] * 2},
        "clamp": {"swiglu_limit": 7.0},
        "truncate": {"rope_parameters": rope | {"truncate": True}},
        "attention factor": {"rope_parameters": rope | {"attention_factor": 1.0}},
        "yarn": {"rope_parameters": {"rope_type": "default", "rope_theta": 150000.0}},
    }
    return spec(GptOssForCausalLM, config, 42, summary, torch.bfloat16, "100KB", spelling, without=without)


MAKERS = [mixtral, gpt_oss]

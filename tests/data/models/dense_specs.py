# SPDX-License-Identifier: Apache-2.0
"""Tiny checkpoints of dense families that resemble Llama."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM
from transformers import Phi3Config, Phi3ForCausalLM, Qwen2Config, Qwen2ForCausalLM

from spec_base import COMMON, old_rope, old_spelling, spec

DEFAULT_ROPE = {"rope_type": "default", "rope_theta": 10000.0}


def llama2():
    config = LlamaConfig(
        vocab_size=131, hidden_size=48, intermediate_size=104, num_hidden_layers=3,
        num_attention_heads=6, rms_norm_eps=1e-5, max_position_embeddings=256,
        rope_parameters=dict(DEFAULT_ROPE), tie_word_embeddings=False, **COMMON,
    )  # fmt: skip
    spelling = old_spelling("num_key_value_heads", "head_dim", "rope_theta", "attention_bias", "mlp_bias")
    summary = "Llama 2: 6 heads on 6, kv heads, head size, theta left to defaults, several shards, F16"
    return spec(LlamaForCausalLM, config, 21, summary, torch.float16, "60KB", spelling)


def llama_biases():
    config = LlamaConfig(
        vocab_size=127, hidden_size=48, intermediate_size=88, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, head_dim=14, rms_norm_eps=1e-6,
        attention_bias=True, mlp_bias=True, max_position_embeddings=256,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0}, tie_word_embeddings=True, **COMMON,
    )  # fmt: skip
    summary = "Llama with biases everywhere, heads of 14, tied, BF16"
    return spec(LlamaForCausalLM, config, 22, summary, torch.bfloat16)


def mistral():
    config = MistralConfig(
        vocab_size=125, hidden_size=56, intermediate_size=96, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=1, head_dim=10, rms_norm_eps=1e-5,
        sliding_window=24, max_position_embeddings=256,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}, tie_word_embeddings=False, **COMMON,
    )  # fmt: skip
    summary = "Mistral: 4 heads of 10 on 1, window of 24 in all layers, F16"
    without = {"window": {"sliding_window": None}, "one of the window": {"sliding_window": 25}}
    return spec(MistralForCausalLM, config, 23, summary, torch.float16, "80KB", old_spelling(), without=without)


def qwen2():
    config = Qwen2Config(
        vocab_size=137, hidden_size=48, intermediate_size=72, num_hidden_layers=4,
        num_attention_heads=6, num_key_value_heads=2, rms_norm_eps=1e-6,
        use_sliding_window=True, sliding_window=40, max_window_layers=2, max_position_embeddings=256,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}, tie_word_embeddings=True, **COMMON,
    )  # fmt: skip
    summary = "Qwen2: biases of q, k and v, window of 40 in layers 2 and 3 of 4, tied, BF16"
    without = {"window": {"layer_types": ["full_attention"] * 4}, "order": {"layer_types": ["sliding_attention"] * 4}}
    return spec(
        Qwen2ForCausalLM, config, 24, summary, torch.bfloat16, "60KB", old_spelling("layer_types"), without=without
    )


def phi3():
    config = Phi3Config(
        vocab_size=121, hidden_size=60, intermediate_size=88, num_hidden_layers=3,
        num_attention_heads=6, num_key_value_heads=3, rms_norm_eps=1e-5, sliding_window=40,
        max_position_embeddings=256, original_max_position_embeddings=256,
        rope_parameters=dict(DEFAULT_ROPE), tie_word_embeddings=False, **COMMON,
    )  # fmt: skip

    def spelling(config):
        config = old_rope(config)
        return config | {"attention_bias": False, "embd_pdrop": 0.0, "resid_pdrop": 0.0}

    summary = "Phi-3: fused qkv and gate_up, 6 heads of 10 on 3, window of 40, BF16"
    without = {"window": {"sliding_window": None}}
    return spec(Phi3ForCausalLM, config, 25, summary, torch.bfloat16, "100KB", spelling, without=without)


def longrope(seed, original, longest):
    rope = {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "partial_rotary_factor": 0.75,
        "short_factor": [1.0, 1.0, 1.25, 1.5, 1.75, 2.0],
        "long_factor": [1.0, 1.5, 2.5, 4.0, 7.0, 12.0],
    }
    config = Phi3Config(
        vocab_size=123, hidden_size=64, intermediate_size=80, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-5, sliding_window=262144,
        max_position_embeddings=longest, original_max_position_embeddings=original,
        rope_parameters=rope, tie_word_embeddings=True, **COMMON,
    )  # fmt: skip

    def spelling(config):
        config = old_rope(config)
        config["partial_rotary_factor"] = config["rope_scaling"].pop("partial_rotary_factor")
        config["rope_scaling"].pop("original_max_position_embeddings", None)
        config["rope_scaling"]["type"] = config["rope_scaling"].pop("rope_type")
        more = {"attention_bias": False, "mlp_bias": False, "lm_head_bias": False, "full_attn_mod": 1}
        return config | more | {"interpolate_factor": 1, "embd_pdrop": 0.0, "resid_pdrop": 0.0}

    summary = f"Phi-4-mini: longrope over {original} of {longest} positions, 12 of 16 rotated, tied, BF16"
    swapped = rope | {"short_factor": rope["long_factor"], "long_factor": rope["short_factor"]}
    whole = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0}
    without = {
        "which factors": {"rope_parameters": swapped},
        "attention factor": {"rope_parameters": rope | {"attention_factor": 1.0}},
        "partial rotary": {"rope_parameters": whole},
    }
    return spec(Phi3ForCausalLM, config, seed, summary, torch.bfloat16, old_spelling=spelling, without=without)


def phi4_long():
    return longrope(26, 64, 512)


def phi4_short():
    return longrope(27, 160, 320)


MAKERS = [llama2, llama_biases, mistral, qwen2, phi3, phi4_long, phi4_short]

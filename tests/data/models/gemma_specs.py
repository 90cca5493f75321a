# SPDX-License-Identifier: Apache-2.0
"""Tiny checkpoints of Gemma 2 and 3."""

import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, Gemma3Config, Gemma3ForCausalLM
from transformers import Gemma3ForConditionalGeneration, Gemma3TextConfig

from spec_base import COMMON, old_spelling, spec

GLOBAL_ROPE = {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 8.0}
LOCAL_ROPE = {"rope_type": "default", "rope_theta": 10000.0}
# Norms multiply by 1 + weight.
GEMMA_GAINS = {"qk_norm": 0.4, "norm": 0.0, "after": 0.6, "head": 1.5}


def gemma2():
    config = Gemma2Config(
        vocab_size=133, hidden_size=48, intermediate_size=72, num_hidden_layers=4,
        num_attention_heads=6, num_key_value_heads=2, head_dim=12, rms_norm_eps=1e-6,
        query_pre_attn_scalar=20, attn_logit_softcapping=3.0, final_logit_softcapping=6.0,
        sliding_window=24, max_position_embeddings=256,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, **COMMON,
    )  # fmt: skip
    absent = ("layer_types", "tie_word_embeddings", "use_bidirectional_attention")
    spelling = old_spelling(*absent, hidden_act="gelu_pytorch_tanh", cache_implementation="hybrid")
    summary = "Gemma 2: caps, window of 24 in every second layer, scale of 20, heads of 12, tied, BF16"
    without = {
        "attention cap": {"attn_logit_softcapping": None},
        "logits cap": {"final_logit_softcapping": None},
        "windows": {"layer_types": ["full_attention"] * 4},
        "order of windows": {"layer_types": ["full_attention", "sliding_attention"] * 2},
        "query scale": {"query_pre_attn_scalar": 12},
    }
    return spec(
        Gemma2ForCausalLM, config, 31, summary, torch.bfloat16, "80KB", spelling, gains=GEMMA_GAINS, without=without
    )


def text_spelling(pattern):
    """config.json of the text model as published, with rope by two thetas and layers by a pattern."""

    def rewrite(config):
        rope = config.pop("rope_parameters")
        config["rope_theta"] = rope["full_attention"].pop("rope_theta")
        config["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
        config["rope_scaling"] = rope["full_attention"]
        config["torch_dtype"] = config.pop("dtype")
        config["sliding_window_pattern"] = pattern
        config["cache_implementation"] = "hybrid"
        config["transformers_version"] = "4.50.0.dev0"
        for name in ("layer_types", "_sliding_window_pattern", "use_bidirectional_attention", "tie_word_embeddings"):
            config.pop(name, None)
        return config

    return rewrite


def gemma3_text():
    config = Gemma3TextConfig(
        vocab_size=129, hidden_size=48, intermediate_size=72, num_hidden_layers=4, sliding_window_pattern=3,
        num_attention_heads=4, num_key_value_heads=1, head_dim=14, rms_norm_eps=1e-6,
        query_pre_attn_scalar=10, sliding_window=24, max_position_embeddings=256,
        rope_parameters={"full_attention": dict(GLOBAL_ROPE), "sliding_attention": dict(LOCAL_ROPE)}, **COMMON,
    )  # fmt: skip
    summary = "Gemma 3: 4 heads of 14 on 1, two thetas, linear rope in layer 2, window of 24 elsewhere, tied, BF16"
    full, local = dict(GLOBAL_ROPE), dict(LOCAL_ROPE)
    without = {
        "windows": {"sliding_window": 4096},
        "pattern": {"layer_types": ["sliding_attention"] * 4},
        "query scale": {"query_pre_attn_scalar": 14},
        "linear rope": {"rope_parameters": {"full_attention": full | {"factor": 1.0}, "sliding_attention": local}},
        "local theta": {"rope_parameters": {"full_attention": full, "sliding_attention": local | {"rope_theta": 1e6}}},
        "global theta": {"rope_parameters": {"full_attention": full | {"rope_theta": 1e4}, "sliding_attention": local}},
    }
    return spec(
        Gemma3ForCausalLM, config, 32, summary, torch.bfloat16, "80KB", text_spelling(3),
        gains=GEMMA_GAINS, without=without,
    )  # fmt: skip


def gemma3():
    text = Gemma3TextConfig(
        vocab_size=135, hidden_size=32, intermediate_size=48, num_hidden_layers=6, head_dim=8,
        num_attention_heads=8, num_key_value_heads=4, query_pre_attn_scalar=12, sliding_window=40,
        rope_parameters={"full_attention": dict(GLOBAL_ROPE), "sliding_attention": dict(LOCAL_ROPE)}, **COMMON,
    )  # fmt: skip
    vision = {
        "model_type": "siglip_vision_model", "hidden_size": 16, "intermediate_size": 24, "image_size": 28,
        "num_attention_heads": 2, "num_hidden_layers": 1, "patch_size": 14, "vision_use_head": False,
    }  # fmt: skip
    config = Gemma3Config(
        text_config=text, vision_config=vision, mm_tokens_per_image=4, boi_token_index=133, eoi_token_index=134,
        image_token_index=135,
    )  # fmt: skip

    def spelling(config):
        text = config["text_config"]
        kept = ("hidden_size", "intermediate_size", "model_type", "num_hidden_layers", "sliding_window")
        own = ("vocab_size", "head_dim", "query_pre_attn_scalar", *COMMON)
        rope = text["rope_parameters"]["full_attention"]
        config["text_config"] = {name: text[name] for name in kept + own}
        config["text_config"]["rope_scaling"] = {"factor": rope["factor"], "rope_type": rope["rope_type"]}
        config["torch_dtype"] = config.pop("dtype")
        config["transformers_version"] = "4.50.0.dev0"
        config["eos_token_id"] = [COMMON["eos_token_id"], 106]
        config.pop("tie_word_embeddings", None)
        return config

    def rename(name):
        return name.replace("vision_tower.", "vision_tower.vision_model.")

    summary = "Gemma 3 with a vision tower, text_config of few fields, 8 heads on 4, window of 40, BF16"
    local = dict(LOCAL_ROPE)
    without = {
        "windows": {"sliding_window": 4096},
        "pattern": {"layer_types": ["sliding_attention"] * 6},
        "query scale": {"query_pre_attn_scalar": 8},
        "linear rope": {"rope_parameters": {"full_attention": local | {"rope_theta": 1e6}, "sliding_attention": local}},
    }
    return spec(
        Gemma3ForConditionalGeneration, config, 33, summary, torch.bfloat16, "100KB", spelling,
        gains=GEMMA_GAINS, rename=rename, without=without,
    )  # fmt: skip


MAKERS = [gemma2, gemma3_text, gemma3]

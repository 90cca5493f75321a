# SPDX-License-Identifier: Apache-2.0
"""Tiny checkpoints of families with experts."""

import json

import torch
from transformers import DeepseekV2Config, DeepseekV2ForCausalLM, DeepseekV3Config, DeepseekV3ForCausalLM
from transformers import Glm4MoeConfig, Glm4MoeForCausalLM, GptOssConfig, GptOssForCausalLM
from transformers import MiniMaxM2Config, MiniMaxM2ForCausalLM, MixtralConfig, MixtralForCausalLM

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


def deepseek_spelling(**more):
    """config.json of DeepSeek-V2 and of Kimi-K2 as published."""

    def rewrite(config):
        config = old_rope(config)
        if config["rope_scaling"]:
            config["rope_scaling"]["type"] = config["rope_scaling"].pop("rope_type")
        for name in ("head_dim", "qk_head_dim", "rope_interleave", "mlp_bias", "num_mtp_layers"):
            config.pop(name, None)
        return config | {"moe_layer_freq": 1, "ep_size": 1, "seq_aux": True, "aux_loss_alpha": 0.001} | more

    return rewrite


def deepseek_v2():
    rope = {
        "rope_type": "yarn", "rope_theta": 10000.0, "factor": 8.0, "beta_fast": 4, "beta_slow": 1,
        "mscale": 1.0, "mscale_all_dim": 0.6, "original_max_position_embeddings": 64,
    }  # fmt: skip
    config = DeepseekV2Config(
        vocab_size=113, hidden_size=36, intermediate_size=56, moe_intermediate_size=14,
        num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=6, q_lora_rank=20, kv_lora_rank=24,
        qk_nope_head_dim=10, qk_rope_head_dim=12, v_head_dim=8, n_routed_experts=8, n_shared_experts=1,
        num_experts_per_tok=3, topk_method="group_limited_greedy", n_group=4, topk_group=2,
        routed_scaling_factor=2.5, norm_topk_prob=False, first_k_dense_replace=1, max_position_embeddings=512,
        rope_parameters=rope, tie_word_embeddings=False, **COMMON,
    )  # fmt: skip
    summary = "DeepSeek-V2: low-rank queries, 3 of 8 experts in 2 of 4 groups by softmax, yarn with mscales, BF16"
    without = {
        "groups": {"topk_method": "greedy"},
        "scale of experts": {"routed_scaling_factor": 1.0},
        "mscale": {"rope_parameters": rope | {"mscale": 0.6}},
        "mscale of all": {"rope_parameters": rope | {"mscale_all_dim": 0.0, "attention_factor": 1.14}},
    }
    spelling = deepseek_spelling(scoring_func="softmax", num_nextn_predict_layers=0)
    return spec(DeepseekV2ForCausalLM, config, 43, summary, torch.bfloat16, "80KB", spelling, without=without)


def deepseek_v2_lite():
    rope = {
        "rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "beta_fast": 32, "beta_slow": 1,
        "mscale": 0.707, "mscale_all_dim": 0.707, "original_max_position_embeddings": 128,
    }  # fmt: skip
    config = DeepseekV2Config(
        vocab_size=111, hidden_size=40, intermediate_size=64, moe_intermediate_size=12,
        num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=4, q_lora_rank=None, kv_lora_rank=20,
        qk_nope_head_dim=8, qk_rope_head_dim=8, v_head_dim=12, n_routed_experts=6, n_shared_experts=2,
        num_experts_per_tok=2, topk_method="greedy", n_group=1, topk_group=1, routed_scaling_factor=1.0,
        norm_topk_prob=False, first_k_dense_replace=1, max_position_embeddings=512,
        rope_parameters=rope, tie_word_embeddings=False, **COMMON,
    )  # fmt: skip
    summary = "DeepSeek-V2-Lite: full queries, 2 of 6 experts by softmax not normalised, 2 shared, yarn, BF16"
    without = {
        "yarn": {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}},
        "mscale of all": {"rope_parameters": rope | {"mscale_all_dim": 0.0, "attention_factor": 1.0}},
    }
    spelling = deepseek_spelling(scoring_func="softmax")
    return spec(DeepseekV2ForCausalLM, config, 44, summary, torch.bfloat16, "80KB", spelling, without=without)


def load_kimi(directory, **more):
    """transformers does not know the type: published checkpoints bring code that is DeepSeek-V3's."""
    fields = json.loads((directory / "config.json").read_text())
    fields.pop("model_type")
    return DeepseekV3ForCausalLM.from_pretrained(directory, config=DeepseekV3Config(**fields), **more)


def kimi_k2():
    rope = {
        "rope_type": "yarn", "rope_theta": 50000.0, "factor": 8.0, "beta_fast": 1.0, "beta_slow": 1.0,
        "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 64,
    }  # fmt: skip
    config = DeepseekV3Config(
        vocab_size=109, hidden_size=40, intermediate_size=64, moe_intermediate_size=12,
        num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=4, q_lora_rank=20, kv_lora_rank=24,
        qk_nope_head_dim=8, qk_rope_head_dim=12, v_head_dim=8, n_routed_experts=9, n_shared_experts=1,
        num_experts_per_tok=4, n_group=1, topk_group=1, routed_scaling_factor=2.827, norm_topk_prob=True,
        first_k_dense_replace=1, num_mtp_layers=0, rms_norm_eps=1e-6, max_position_embeddings=512,
        rope_parameters=rope, tie_word_embeddings=False, **COMMON,
    )  # fmt: skip
    code = "configuration_deepseek.DeepseekV3Config"
    spelling = deepseek_spelling(
        model_type="kimi_k2", scoring_func="sigmoid", topk_method="noaux_tc", num_nextn_predict_layers=0,
        auto_map={"AutoConfig": code, "AutoModelForCausalLM": "modeling_deepseek.DeepseekV3ForCausalLM"},
        transformers_version="4.48.3", pretraining_tp=1,
    )  # fmt: skip
    summary = "Kimi-K2: a DeepSeek-V3 under its own model_type, 4 of 9 experts, yarn with both betas 1, BF16"
    without = {"yarn": {"rope_parameters": {"rope_type": "default", "rope_theta": 50000.0}}}
    return spec(
        DeepseekV3ForCausalLM, config, 45, summary, torch.bfloat16, "80KB", spelling,
        load=load_kimi, without=without,
    )  # fmt: skip


def glm4_moe():
    config = Glm4MoeConfig(
        vocab_size=115, hidden_size=40, intermediate_size=64, moe_intermediate_size=14, head_dim=12,
        num_hidden_layers=3, num_attention_heads=6, num_key_value_heads=2, n_routed_experts=6, n_shared_experts=1,
        num_experts_per_tok=2, n_group=1, topk_group=1, routed_scaling_factor=2.5, norm_topk_prob=True,
        first_k_dense_replace=1, attention_bias=True, use_qk_norm=True, rms_norm_eps=1e-5,
        max_position_embeddings=256, num_mtp_layers=1, partial_rotary_factor=0.5,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}, tie_word_embeddings=False, **COMMON,
    )  # fmt: skip

    def spelling(config):
        partial = config["rope_parameters"].pop("partial_rotary_factor")
        config = old_rope(config)
        config["num_nextn_predict_layers"] = config.pop("num_mtp_layers", 1)
        return config | {"partial_rotary_factor": partial}

    def prediction_layer(config, generator):
        """One more layer, as the published files have, that only speculative decoding uses."""
        hidden, vocab, place = config.hidden_size, config.vocab_size, f"model.layers.{config.num_hidden_layers}."
        shapes = {
            "eh_proj.weight": (hidden, 2 * hidden), "enorm.weight": (hidden,), "hnorm.weight": (hidden,),
            "embed_tokens.weight": (vocab, hidden), "shared_head.norm.weight": (hidden,),
            "shared_head.head.weight": (vocab, hidden), "input_layernorm.weight": (hidden,),
            "self_attn.q_proj.weight": (72, hidden), "self_attn.q_proj.bias": (72,),
            "mlp.gate.e_score_correction_bias": (6,), "mlp.experts.0.gate_proj.weight": (14, hidden),
        }  # fmt: skip
        tensors = {place + name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
        return {name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()}

    summary = "GLM-4.5: half rotated, biases, q and k norms, 2 of 6 experts with correction, an MTP layer, BF16"
    whole = {"rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 1.0}
    without = {
        "partial rotary": {"rope_parameters": whole},
        "scale of experts": {"routed_scaling_factor": 1.0},
        "normalised weights": {"norm_topk_prob": False},
    }
    return spec(
        Glm4MoeForCausalLM, config, 46, summary, torch.bfloat16, "80KB", spelling,
        extra=prediction_layer, without=without,
    )  # fmt: skip


def minimax_m2():
    config = MiniMaxM2Config(
        vocab_size=107, hidden_size=40, intermediate_size=14, num_hidden_layers=3, head_dim=14,
        num_attention_heads=6, num_key_value_heads=2, num_local_experts=7, num_experts_per_tok=3,
        rms_norm_eps=1e-6, max_position_embeddings=256,
        rope_parameters={"rope_type": "default", "rope_theta": 5000000.0, "partial_rotary_factor": 6 / 14},
        tie_word_embeddings=False, **COMMON,
    )  # fmt: skip

    def spelling(config):
        config["rope_parameters"].pop("partial_rotary_factor")
        config = old_rope(config)
        config.pop("rope_scaling")
        more = {"rotary_dim": 6, "use_qk_norm": True, "qk_norm_type": "per_layer", "scoring_func": "sigmoid"}
        more |= {"use_routing_bias": True, "shared_intermediate_size": 0, "attn_type_list": [1, 1, 1]}
        return config | more | {"use_mtp": True, "num_mtp_modules": 3, "mtp_transformer_layers": 1}

    summary = "MiniMax-M2: norms over all of q and of k, 6 of 14 rotated, 3 of 7 experts with correction, BF16"
    whole = {"rope_type": "default", "rope_theta": 5e6, "partial_rotary_factor": 1.0}
    without = {"partial rotary": {"rope_parameters": whole}}
    return spec(MiniMaxM2ForCausalLM, config, 47, summary, torch.bfloat16, "80KB", spelling, without=without)


MAKERS = [mixtral, gpt_oss, deepseek_v2, deepseek_v2_lite, kimi_k2, glm4_moe, minimax_m2]

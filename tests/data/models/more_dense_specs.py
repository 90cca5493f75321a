# SPDX-License-Identifier: Apache-2.0
"""Tiny checkpoints of dense families with norms, factors, activations or rope of their own."""

import torch
from transformers import ApertusConfig, ApertusForCausalLM, GraniteConfig, GraniteForCausalLM
from transformers import LlamaConfig, LlamaForCausalLM, Ministral3Config, Ministral3ForCausalLM
from transformers import Mistral3Config, Mistral3ForConditionalGeneration, Olmo2Config, Olmo2ForCausalLM
from transformers import Qwen3Config, Qwen3ForCausalLM, SeedOssConfig, SeedOssForCausalLM
from transformers import SmolLM3Config, SmolLM3ForCausalLM

from spec_base import COMMON, old_rope, old_spelling, spec


def default_rope(theta):
    return {"rope_type": "default", "rope_theta": theta}


def olmo2():
    config = Olmo2Config(
        vocab_size=127, hidden_size=48, intermediate_size=80, num_hidden_layers=3,
        num_attention_heads=6, num_key_value_heads=2, rms_norm_eps=1e-6, max_position_embeddings=256,
        rope_parameters=default_rope(500000.0), tie_word_embeddings=False, **COMMON,
    )  # fmt: skip
    summary = "OLMo 2: norms only after attention and MLP, norms over all of q and of k, 6 heads on 2, BF16"
    return spec(Olmo2ForCausalLM, config, 51, summary, torch.bfloat16, "80KB", old_spelling())


def granite():
    config = GraniteConfig(
        vocab_size=129, hidden_size=48, intermediate_size=80, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=1, rms_norm_eps=1e-5, max_position_embeddings=256,
        embedding_multiplier=1.7, residual_multiplier=0.8, attention_multiplier=0.2, logits_scaling=2.5,
        rope_parameters=default_rope(10000.0), tie_word_embeddings=True, **COMMON,
    )  # fmt: skip
    summary = "Granite: four multipliers, 4 heads on 1, tied, BF16"
    without = {
        "embedding": {"embedding_multiplier": 1.0},
        "residual": {"residual_multiplier": 1.0},
        "attention": {"attention_multiplier": 12**-0.5},
        "logits": {"logits_scaling": 1.0},
    }
    return spec(
        GraniteForCausalLM, config, 52, summary, torch.bfloat16, "80KB", old_spelling(),
        gains={"head": 4.0, "o_proj": 3.0, "down_proj": 3.0}, without=without,
    )  # fmt: skip


def seed_oss():
    config = SeedOssConfig(
        vocab_size=123, hidden_size=48, intermediate_size=72, num_hidden_layers=3, head_dim=16,
        num_attention_heads=4, num_key_value_heads=2, attention_bias=True, attention_out_bias=False, mlp_bias=False,
        rms_norm_eps=1e-6, max_position_embeddings=256,
        rope_parameters=default_rope(10000000.0), tie_word_embeddings=False, **COMMON,
    )  # fmt: skip
    summary = "Seed-OSS: biases of q, k and v, heads of 16 where hidden/heads is 12, several shards, BF16"

    def spelling(config):
        config = old_rope(config)
        return config | {"rope_scaling": {"rope_type": "default"}}

    return spec(SeedOssForCausalLM, config, 53, summary, torch.bfloat16, "60KB", spelling)


def smollm3():
    config = SmolLM3Config(
        vocab_size=125, hidden_size=48, intermediate_size=72, num_hidden_layers=4,
        num_attention_heads=6, num_key_value_heads=3, rms_norm_eps=1e-6, max_position_embeddings=256,
        no_rope_layers=[1, 0, 1, 0], rope_parameters=default_rope(5000000.0), tie_word_embeddings=True, **COMMON,
    )  # fmt: skip
    summary = "SmolLM3: no rope in layers 1 and 3 of 4, tied by default, BF16"
    without = {"layers without rope": {"no_rope_layers": [1, 1, 1, 1]}}
    return spec(
        SmolLM3ForCausalLM, config, 54, summary, torch.bfloat16, "80KB", old_spelling("tie_word_embeddings"),
        without=without,
    )  # fmt: skip


def apertus():
    rope = {
        "rope_type": "llama3", "rope_theta": 12000000.0, "factor": 8.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
    }  # fmt: skip
    config = ApertusConfig(
        vocab_size=127, hidden_size=48, intermediate_size=104, num_hidden_layers=3, num_attention_heads=6,
        num_key_value_heads=2, rms_norm_eps=1e-5, max_position_embeddings=512, rope_parameters=rope,
        tie_word_embeddings=False, **COMMON,
    )  # fmt: skip

    def spelling(config):
        config = old_rope(config)
        config["rope_scaling"]["type"] = config["rope_scaling"]["rope_type"]
        return config | {"post_norm": False, "qk_norm": True, "mlp_bias": False}

    summary = "Apertus: MLP of xIELU without gate, q and k norms, llama3 rope, BF16"
    without = {"llama3": {"rope_parameters": default_rope(12000000.0)}}
    return spec(ApertusForCausalLM, config, 55, summary, torch.bfloat16, "80KB", spelling, without=without)


def ministral_text(**more):
    rope = {
        "rope_type": "yarn", "type": "yarn", "rope_theta": 1000000.0, "factor": 8.0, "beta_fast": 8.0,
        "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.3,
        "original_max_position_embeddings": 32,
    }  # fmt: skip
    return Ministral3Config(
        hidden_size=48, num_attention_heads=6, num_key_value_heads=2, head_dim=10, rms_norm_eps=1e-5,
        max_position_embeddings=256, rope_parameters=rope, **more, **COMMON,
    )  # fmt: skip


def ministral3():
    config = ministral_text(vocab_size=119, intermediate_size=80, num_hidden_layers=3, tie_word_embeddings=False)
    rope = config.rope_parameters
    without = {
        "query scale": {"rope_parameters": rope | {"llama_4_scaling_beta": 0.0}},
        "yarn": {"rope_parameters": rope | {"rope_type": "default"}},
    }
    summary = "Ministral 3: queries scaled by position, yarn, heads of 10, new config spelling, BF16"
    return spec(Ministral3ForCausalLM, config, 56, summary, torch.bfloat16, "80KB", without=without)


def mistral3():
    text = ministral_text(vocab_size=121, intermediate_size=64, num_hidden_layers=2, tie_word_embeddings=False)
    vision = {
        "model_type": "pixtral", "hidden_size": 16, "intermediate_size": 24, "image_size": 28, "head_dim": 8,
        "num_attention_heads": 2, "num_hidden_layers": 1, "patch_size": 14,
    }  # fmt: skip
    config = Mistral3Config(text_config=text, vision_config=vision, image_token_index=10, tie_word_embeddings=False)

    def spelling(config):
        """Says nothing of tied embeddings, which are then the default; but the file has an output head."""
        config.pop("tie_word_embeddings")
        config["text_config"].pop("tie_word_embeddings")
        return config

    summary = "Ministral 3 with a vision tower: text_config, a head although embeddings are tied by default, BF16"
    load = Mistral3ForConditionalGeneration.from_pretrained
    without = {"query scale": {"rope_parameters": text.rope_parameters | {"llama_4_scaling_beta": 0.0}}}
    return spec(
        Mistral3ForConditionalGeneration, config, 57, summary, torch.bfloat16, "80KB", spelling,
        load=load, without=without,
    )  # fmt: skip


def rope_form(seed, summary, rope, positions=256, **more):
    config = LlamaConfig(
        vocab_size=117, hidden_size=48, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=positions,
        rope_parameters=rope, tie_word_embeddings=False, **COMMON,
    )  # fmt: skip

    def spelling(config):
        config = old_rope(config)
        config["rope_scaling"]["type"] = config["rope_scaling"].pop("rope_type")
        return config

    return spec(LlamaForCausalLM, config, seed, summary, torch.float16, "80KB", spelling, **more)


def llama_linear():
    rope = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}
    without = {"linear": {"rope_parameters": default_rope(10000.0)}}
    return rope_form(58, "Llama with linear rope, written as type, F16", rope, without=without)


def llama_dynamic():
    rope = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}
    summary = "Llama with dynamic rope, beyond max_position_embeddings of 48, token by token, F16"
    without = {"dynamic": {"rope_parameters": default_rope(10000.0)}}
    return rope_form(59, summary, rope, 48, one_by_one=True, without=without)


def qwen3_yarn():
    rope = {
        "rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 64,
    }  # fmt: skip
    config = Qwen3Config(
        vocab_size=113, hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, head_dim=14, rms_norm_eps=1e-6, max_position_embeddings=256, rope_parameters=rope,
        tie_word_embeddings=False, **COMMON,
    )  # fmt: skip
    without = {
        "yarn": {"rope_parameters": default_rope(10000.0)},
        "attention factor": {"rope_parameters": rope | {"attention_factor": 1.0}},
    }
    summary = "Qwen3 with yarn of three fields, heads of 14, F16"
    return spec(Qwen3ForCausalLM, config, 60, summary, torch.float16, "80KB", old_spelling(), without=without)


MAKERS = [olmo2, granite, seed_oss, smollm3, apertus, ministral3, mistral3, llama_linear, llama_dynamic, qwen3_yarn]

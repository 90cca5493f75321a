# SPDX-License-Identifier: Apache-2.0
"""What the descriptions of the tiny checkpoints share."""

import torch

COMMON = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}

# Standard deviation of what a matrix makes of normalised input, by part of its name.
GAINS = {"q_": 1.4, "k_proj": 1.4, "kv_a": 1.2, "gate.weight": 1.5, "head": 3.0, "other": 1.3, "qk_norm": 1.4}


def spec(model, config, seed, summary, dtype=torch.float32, max_shard_size="1GB", old_spelling=None, **more):
    """A checkpoint to make.

    old_spelling   config.json of transformers 5 -> config.json as published checkpoints spell it
    rename         tensor name as transformers 5 saves it -> as published checkpoints have it
    extra          (config, generator) -> tensors of the file that the model does not use
    tokens         (of the prompt, decoded)
    one_by_one     the prompt goes through the model token by token
    load           directory, keywords of from_pretrained -> model; AutoModelForCausalLM if absent
    without        {feature: change of the loaded model's config} for `check_features.py`
    """
    return {
        "model": model,
        "config": config,
        "seed": seed,
        "summary": summary,
        "dtype": dtype,
        "max_shard_size": max_shard_size,
        "old_spelling": old_spelling,
        "gains": GAINS | more.pop("gains", {}),
        "rename": None,
        "extra": None,
        "tokens": (96, 24),
        "one_by_one": False,
        "load": None,
        "without": {},
    } | more


def old_rope(config):
    """Rewrites the rope fields and the type as configs of transformers 4 have them."""
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope.get("rope_type", "default") == "default" else rope
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.43.0"
    return config


def old_spelling(*absent, **more):
    """A rewriting that also leaves out the fields `absent` and adds or replaces `more`."""

    def rewrite(config):
        config = old_rope(config)
        for name in absent:
            config.pop(name)
        return config | more

    return rewrite

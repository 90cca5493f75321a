# SPDX-License-Identifier: Apache-2.0
"""Random weights with which a feature that is forgotten shows: nothing is zero, nothing is one."""

import torch

# Buffers that follow from the config, and are in no checkpoint.
DERIVED = ("inv_freq", "embed_scale", "position_ids")
# Constants of Apertus that are in checkpoints.
KEPT = ("act_fn.beta", "act_fn.eps")


def draw(parameter, generator, std, mean=0.0):
    parameter.copy_(torch.randn(parameter.shape, generator=generator) * std + mean)


def draw_vector(name, parameter, gains, generator):
    if name.endswith("e_score_correction_bias"):
        draw(parameter, generator, 0.2)
    elif name.endswith("bias"):
        draw(parameter, generator, 0.3)
    elif name.endswith(("alpha_p", "alpha_n")):
        draw(parameter, generator, 0.7)
    elif name.endswith("sinks"):
        draw(parameter, generator, 1.0, 1.0)
    else:  # the weight of a norm
        kind = "qk_norm" if "q_norm" in name or "k_norm" in name else "norm"
        kind = "after" if ".post_" in name and "after" in gains else kind
        draw(parameter, generator, 0.2, gains[kind])


def draw_matrix(name, parameter, gains, generator, model):
    fan_in = parameter.shape[-1]
    if name.endswith("bias"):  # of every expert
        draw(parameter, generator, 0.3)
    elif name.endswith("embed_tokens.weight"):
        tied = model.config.get_text_config().tie_word_embeddings
        draw(parameter, generator, gains["head"] * fan_in**-0.5 if tied else 1.0)
    else:
        kind = next((key for key in gains if f".{key}" in name), "other")
        kind = "head" if name == "lm_head.weight" else kind
        if model.config.model_type == "gpt_oss" and ".experts." in name:
            fan_in = parameter.shape[-2]  # kept the other way round
        draw(parameter, generator, gains[kind] * fan_in**-0.5)


def randomise(model, gains, generator):
    """Draws all weights so that scores and logits are neither flat nor saturated."""
    state = dict(model.named_parameters()) | dict(model.named_buffers())
    for name, parameter in state.items():
        if name.endswith(DERIVED + KEPT):
            continue
        if parameter.dim() == 1:
            draw_vector(name, parameter, gains, generator)
        else:
            draw_matrix(name, parameter, gains, generator, model)

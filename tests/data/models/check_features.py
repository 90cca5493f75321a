# SPDX-License-Identifier: Apache-2.0
"""Shows that every feature of the tiny checkpoints matters.

    python check_features.py [NAME ...]     (needs torch, transformers 5 and safetensors)

Turns off one feature at a time in transformers (a field of the config, by the `without` of the model's spec; or
a kind of tensor, set to what stands for nothing) and prints by how much the golden logits change. Fails if the
change of any is smaller than `MIN_CHANGE`.
"""

import copy
import re
import sys

import torch
from safetensors.torch import load_file
from transformers.utils import logging

from make_models import HERE, all_rows, differences, load
from model_specs import SPECS

MIN_CHANGE = 1e-2

# What stands for nothing, by the end of a tensor's name.
NEUTRAL = {
    "bias": 0.0,
    "sinks": -1e4,
    "alpha_p": 0.0,
    "alpha_n": 0.0,
    "q_norm.weight": None,
    "k_norm.weight": None,
    "layernorm.weight": None,
    "norm.weight": None,
}


def kinds_of_tensors(model):
    """The vectors of the text model by kind: their names without the number of the layer."""
    kinds = {}
    for name, tensor in model.state_dict().items():
        vector = tensor.dim() == 1 or name.endswith("_bias")
        if vector and not re.search("vision|multi_modal|act_fn.(beta|eps)", name):
            kinds.setdefault(re.sub(r"\d+", "N", name), []).append(name)
    return kinds


def neutral_value(name, model):
    value = next(value for end, value in NEUTRAL.items() if name.endswith(end))
    if value is None:
        return 0.0 if "gemma" in model.config.model_type else 1.0
    return value


def without_config(spec, directory, changes):
    """The model with other fields in its config, but its own weights."""
    config = load(spec, directory).config
    for name, value in changes.items():
        setattr(config.get_text_config(), name, copy.deepcopy(value))
    model = type(load(spec, directory))._from_config(config, dtype=torch.float32, attn_implementation="eager")
    model.load_state_dict(load(spec, directory).state_dict())
    return model.eval()


def changes_of(name):
    spec, directory = SPECS[name], HERE / name
    golden = load_file(directory / "golden.safetensors")

    def change(model):
        return differences(spec, model, golden).abs().max().item()

    model = load(spec, directory)
    yield "nothing", change(model)
    for feature, changes in spec["without"].items():
        yield feature, change(without_config(spec, directory, changes))
    for kind, names in kinds_of_tensors(model).items():
        kept = {name: model.get_parameter_or_buffer(name).clone() for name in names}
        for tensor in names:
            model.get_parameter_or_buffer(tensor).fill_(neutral_value(tensor, model))
        yield kind, change(model)
        for tensor, values in kept.items():
            model.get_parameter_or_buffer(tensor).copy_(values)


def main():
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    failed = []
    for name in sys.argv[1:] or list(SPECS):
        tokens = all_rows(load_file(HERE / name / "golden.safetensors"))[0]
        print(f"{name}: {len(tokens)} tokens")
        for feature, change in changes_of(name):
            print(f"    {change:9.2e}  {feature}")
            if feature != "nothing" and not change > MIN_CHANGE:
                failed.append(f"{name}: {feature}")
    print("matter too little: " + (", ".join(failed) or "none"))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()

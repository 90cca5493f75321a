# SPDX-License-Identifier: Apache-2.0
"""Makes the tiny random checkpoints of this folder and what Hugging Face transformers answers on them.

    python make_models.py [NAME ...]        (needs torch, transformers 5 and safetensors)

For each model a directory in Hugging Face layout and in it `golden.safetensors`:
    input_ids       [200] int64          a random prompt
    logits          [200, vocab] float32 prefill of the whole prompt
    decoded_ids     [50] int64           the greedy continuation
    decoded_logits  [50, vocab] float32  the logits that chose each of them (key/value cache)
all in float32 on one thread from the weights as stored. Prompts are drawn until no rounding can decide
a route or a token: see `MIN_ROUTE_GAP` and `MIN_TOKEN_GAP`. Also writes README.md, a table of the models.
"""

import json
import pathlib
import shutil
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from model_specs import SPECS, apply_old_spelling

PROMPT_TOKENS = 200
DECODED_TOKENS = 50
FIRST_ORDINARY_ID = 3  # 0, 1, 2 are padding, beginning and end
EOS_ID = 2
MIN_ROUTE_GAP = 1e-4
MIN_TOKEN_GAP = 1e-3
MIN_CHANGED_BY_BIAS = 0.1
HERE = pathlib.Path(__file__).resolve().parent


def randomise(model, spec, generator):
    """Draws all weights so that scores and logits are neither flat nor saturated."""

    def normal(parameter, std, mean=0.0):
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * std + mean)

    gains = spec["gains"]
    state = dict(model.named_parameters()) | dict(model.named_buffers())
    for name, parameter in state.items():
        if name.endswith("inv_freq"):
            continue
        if name.endswith("e_score_correction_bias"):
            normal(parameter, 0.2)
        elif parameter.dim() == 1:
            normal(parameter, 0.2, gains["qk_norm"] if "q_norm" in name or "k_norm" in name else 1.0)
        elif name == "model.embed_tokens.weight":
            tied = model.config.tie_word_embeddings
            normal(parameter, gains["head"] * parameter.shape[1] ** -0.5 if tied else 1.0)
        else:
            kind = next((key for key in gains if f".{key}" in name), "other")
            kind = "head" if name == "lm_head.weight" else kind
            normal(parameter, gains[kind] * parameter.shape[-1] ** -0.5)


def save_checkpoint(spec, directory):
    generator = torch.Generator().manual_seed(spec["seed"])
    model = spec["model"](spec["config"])
    with torch.no_grad():
        randomise(model, spec, generator)
    model.to(spec["dtype"])
    for name, buffer in model.named_buffers():
        if name.endswith("e_score_correction_bias"):  # kept in float32 by published checkpoints
            buffer.data = buffer.data.float()
    model.config.dtype = spec["dtype"]
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory, max_shard_size=spec["max_shard_size"])
    (directory / "generation_config.json").unlink(missing_ok=True)
    if spec["old_spelling"]:
        path = directory / "config.json"
        config = apply_old_spelling(json.loads(path.read_text()))
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def load(directory, attention, dtype=torch.float32):
    model = AutoModelForCausalLM.from_pretrained(
        directory, dtype=dtype, attn_implementation=attention, experts_implementation="eager"
    )
    return model.eval()


class RouteWatch:
    """Records how near each routing decision of a mixture-of-experts model came to another one."""

    def __init__(self, model):
        self.config = model.config
        self.gap = float("inf")
        self.choices = 0
        self.changed_by_bias = 0
        for name, module in model.named_modules():
            if name.endswith(".mlp.gate") and type(module).__name__.endswith("Router"):
                module.register_forward_hook(self.record)

    def note_gap(self, scores, count):
        if scores.shape[-1] > count:
            ordered = scores.sort(dim=-1, descending=True).values
            self.gap = min(self.gap, (ordered[:, count - 1] - ordered[:, count]).min().item())

    def record(self, module, _, outputs):
        logits, _, chosen = outputs
        if self.config.model_type == "qwen3_moe":
            self.note_gap(logits.softmax(dim=-1), self.config.num_experts_per_tok)
            return
        scores = logits.sigmoid()
        wanted = scores + module.e_score_correction_bias
        grouped = wanted.view(len(wanted), module.num_group, -1)
        group_scores = grouped.topk(2, dim=-1).values.sum(dim=-1)
        self.note_gap(group_scores, module.topk_group)
        kept = torch.zeros_like(group_scores).scatter(1, group_scores.topk(module.topk_group).indices, 1)
        allowed = kept.bool().unsqueeze(-1).expand_as(grouped).reshape(wanted.shape)
        self.note_gap(wanted.masked_fill(~allowed, float("-inf")), module.top_k)
        unbiased = scores.topk(module.top_k).indices.sort(dim=-1).values
        self.choices += len(wanted)
        self.changed_by_bias += (unbiased != chosen.sort(dim=-1).values).any(dim=-1).sum().item()

    def fits(self):
        biased = self.choices == 0 or self.changed_by_bias > MIN_CHANGED_BY_BIAS * self.choices
        return self.gap > MIN_ROUTE_GAP and biased


def answer(model, prompt):
    """Prefill, then greedy decoding through the key/value cache."""
    output = model(input_ids=prompt[None], use_cache=True)
    logits = output.logits[0]
    decoded_ids, decoded_logits = [], [logits[-1]]
    while True:
        decoded_ids.append(decoded_logits[-1].argmax())
        if len(decoded_ids) == DECODED_TOKENS:
            break
        token = decoded_ids[-1].view(1, 1)
        output = model(input_ids=token, past_key_values=output.past_key_values, use_cache=True)
        decoded_logits.append(output.logits[0, -1])
    return {
        "input_ids": prompt,
        "logits": logits.contiguous(),
        "decoded_ids": torch.stack(decoded_ids),
        "decoded_logits": torch.stack(decoded_logits),
    }


def token_gap(golden):
    best = golden["decoded_logits"].topk(2, dim=-1).values
    return (best[:, 0] - best[:, 1]).min().item()


def find_golden(directory, vocab_size):
    for seed in range(1000):
        generator = torch.Generator().manual_seed(seed)
        prompt = torch.randint(FIRST_ORDINARY_ID, vocab_size, (PROMPT_TOKENS,), generator=generator)
        model = load(directory, "eager")
        watch = RouteWatch(model)
        golden = answer(model, prompt)
        stops = (golden["decoded_ids"] == EOS_ID).any().item()
        if watch.fits() and token_gap(golden) > MIN_TOKEN_GAP and not stops:
            return golden, watch, seed
    raise RuntimeError(f"{directory.name}: no prompt without a near tie in 1000 seeds")


def difference(model, golden):
    """Largest difference of logits when the same tokens go through `model`."""
    tokens = torch.cat([golden["input_ids"], golden["decoded_ids"][:-1]])
    expected = torch.cat([golden["logits"], golden["decoded_logits"][1:]])
    return (model(input_ids=tokens[None]).logits[0] - expected).abs().max().item()


def make(name, spec):
    directory = HERE / name
    save_checkpoint(spec, directory)
    golden, watch, seed = find_golden(directory, spec["config"].vocab_size)
    save_file(golden, directory / "golden.safetensors")
    for file in directory.iterdir():
        file.chmod(0o644)
    probability = golden["logits"].softmax(dim=-1).max(dim=-1).values
    row = {
        "name": name,
        "what is special": spec["summary"],
        "bytes": sum(file.stat().st_size for file in directory.iterdir()),
        "eager - sdpa": f"{difference(load(directory, 'sdpa'), golden):.1e}",
        "float32 - float64": f"{difference(load(directory, 'eager', torch.float64), golden):.1e}",
        "logits std": f"{golden['logits'].std().item():.2f}",
        "top-1 probability": " ".join(f"{probability.quantile(q).item():.2f}" for q in (0.1, 0.5, 0.9)),
        "route gap": "" if watch.gap == float("inf") else f"{watch.gap:.1e}",
        "token gap": f"{token_gap(golden):.1e}",
        "prompt seed": seed,
    }
    print(row, len(golden["decoded_ids"].unique()), watch.changed_by_bias, watch.choices, flush=True)
    return row


def write_readme(rows):
    head = """# Tiny random checkpoints, and what transformers answers on them

Made by `make_models.py` (shapes in `model_specs.py`), which says what `golden.safetensors` holds. The two columns of differences
are the noise floor: the largest difference of logits over all 249 positions between two attention implementations
of transformers in float32, and between float32 and float64. The gaps are the smallest ones met: between the last
expert (or group) chosen and the first one left out, and between the best and second-best logit of a greedy step.

"""
    titles = list(rows[0])
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    lines += ["| " + " | ".join(str(row[title]) for title in titles) + " |" for row in rows]
    (HERE / "README.md").write_text(head + "\n".join(lines) + "\n")


def main():
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    names = sys.argv[1:] or list(SPECS)
    rows = [make(name, SPECS[name]) for name in names]
    if names == list(SPECS):
        write_readme(rows)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Makes the tiny random checkpoints of this folder and what Hugging Face transformers answers on them.

    python make_models.py [NAME ...]        (needs torch, transformers 5 and safetensors)

For each model a directory in Hugging Face layout and in it `golden.safetensors`:
    input_ids            [prompt] int64           a random prompt
    logits               [prompt, vocab] float32  prefill of the whole prompt
    decoded_ids          [decoded] int64          the greedy continuation
    decoded_logits       [decoded, vocab] float32 the logits that chose each of them (key/value cache)
    bfloat16_difference  [2] float32              of transformers in bfloat16 from the above: largest, root mean square
all but the last in float32 on one thread from the weights as stored. Prompts are drawn until no rounding can
decide a route or a token: see `MIN_ROUTE_GAP` and `MIN_TOKEN_GAP`. Also writes README.md: README.head.md and a
table of the models (the rows are kept in rows.json).
"""

import json
import pathlib
import shutil
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from model_specs import SPECS
from random_weights import randomise
from routes import RouteWatch

FIRST_ORDINARY_ID = 3  # 0, 1, 2 are padding, beginning and end
EOS_ID = 2
MIN_TOKEN_GAP = 1e-3
MIN_DISTINCT_TOKENS = 6
HERE = pathlib.Path(__file__).resolve().parent
COLUMNS = (
    "name", "what is special", "bytes", "eager - sdpa", "float32 - float64", "bfloat16: largest", "r.m.s.",
    "logits std", "top-1 probability", "route gap", "token gap", "prompt seed",
)  # fmt: skip


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")


def rename_tensors(directory, rename):
    for file in directory.glob("model*.safetensors"):
        tensors = {rename(name): tensor for name, tensor in load_file(file).items()}
        save_file(tensors, file, metadata={"format": "pt"})
    index = directory / "model.safetensors.index.json"
    if index.exists():
        content = json.loads(index.read_text())
        content["weight_map"] = {rename(name): file for name, file in content["weight_map"].items()}
        write_json(index, content)


def add_tensors(directory, tensors):
    """Into the last file."""
    file = sorted(directory.glob("model*.safetensors"))[-1]
    save_file(load_file(file) | tensors, file, metadata={"format": "pt"})
    index = directory / "model.safetensors.index.json"
    if index.exists():
        content = json.loads(index.read_text())
        content["weight_map"] |= dict.fromkeys(tensors, file.name)
        write_json(index, content)


def save_checkpoint(spec, directory):
    generator = torch.Generator().manual_seed(spec["seed"])
    model = spec["model"](spec["config"])
    randomise(model, {"norm": 1.0} | spec["gains"], generator)
    model.to(spec["dtype"])
    for name, buffer in model.named_buffers():
        if name.endswith("e_score_correction_bias"):  # kept in float32 by published checkpoints
            buffer.data = buffer.data.float()
    model.config.dtype = spec["dtype"]
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory, max_shard_size=spec["max_shard_size"])
    (directory / "generation_config.json").unlink(missing_ok=True)
    if spec["rename"]:
        rename_tensors(directory, spec["rename"])
    if spec["extra"]:
        add_tensors(directory, spec["extra"](model.config, generator))
    if spec["old_spelling"]:
        path = directory / "config.json"
        write_json(path, spec["old_spelling"](json.loads(path.read_text())))
    check_reload(spec, directory, model)


def load(spec, directory, attention="eager", dtype=torch.float32, **more):
    from_pretrained = spec["load"] or AutoModelForCausalLM.from_pretrained
    more |= {"dtype": dtype, "attn_implementation": attention, "experts_implementation": "eager"}
    loaded = from_pretrained(directory, **more)
    return loaded.eval() if isinstance(loaded, torch.nn.Module) else loaded


def check_reload(spec, directory, model):
    """The published spelling must give transformers the very model that was saved."""
    loaded, info = load(spec, directory, dtype=spec["dtype"], output_loading_info=True)
    assert not info["missing_keys"] and not info["mismatched_keys"], info
    ours, theirs = model.state_dict(), loaded.state_dict()
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor.float(), theirs[name].float()), name


def logits_of(model, tokens, one_by_one=False):
    """Of every token, in one pass or each by itself through the key/value cache; and the cache."""
    cache, rows = None, []
    for piece in tokens.split(1) if one_by_one else [tokens]:
        output = model(input_ids=piece[None], past_key_values=cache, use_cache=True)
        cache = output.past_key_values
        rows.append(output.logits[0])
    return torch.cat(rows), cache


def answer(model, prompt, spec):
    """Prefill, then greedy decoding through the key/value cache."""
    logits, cache = logits_of(model, prompt, spec["one_by_one"])
    decoded_ids, decoded_logits = [], [logits[-1]]
    while True:
        decoded_ids.append(decoded_logits[-1].argmax())
        if len(decoded_ids) == spec["tokens"][1]:
            break
        output = model(input_ids=decoded_ids[-1].view(1, 1), past_key_values=cache, use_cache=True)
        cache = output.past_key_values
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


def find_golden(spec, directory):
    model = load(spec, directory)
    watch = RouteWatch(model)
    vocab_size = model.config.get_text_config().vocab_size
    for seed in range(300):
        generator = torch.Generator().manual_seed(seed)
        prompt = torch.randint(FIRST_ORDINARY_ID, vocab_size, (spec["tokens"][0],), generator=generator)
        watch.restart()
        golden = answer(model, prompt, spec)
        stops = (golden["decoded_ids"] == EOS_ID).any().item()
        varied = len(golden["decoded_ids"].unique()) >= MIN_DISTINCT_TOKENS
        if watch.fits() and token_gap(golden) > MIN_TOKEN_GAP and varied and not stops:
            watch.close()
            return golden, watch, seed
    raise RuntimeError(f"{directory.name}: no prompt without a near tie")


def all_rows(golden):
    """Tokens, and the logits of each in one pass."""
    tokens = torch.cat([golden["input_ids"], golden["decoded_ids"][:-1]])
    return tokens, torch.cat([golden["logits"], golden["decoded_logits"][1:]])


def differences(spec, model, golden):
    """Of logits when the same tokens go through `model`."""
    tokens, expected = all_rows(golden)
    return logits_of(model, tokens, spec["one_by_one"])[0].double() - expected


def largest_difference(spec, directory, golden, *kind):
    try:
        model = load(spec, directory, *kind)
    except ValueError:  # no such attention for this family
        return ""
    return f"{differences(spec, model, golden).abs().max().item():.1e}"


def bfloat16_difference(spec, directory, golden):
    found = differences(spec, load(spec, directory, dtype=torch.bfloat16), golden)
    return torch.stack([found.abs().max(), found.square().mean().sqrt()]).float()


def make(name, spec):
    directory = HERE / name
    save_checkpoint(spec, directory)
    golden, watch, seed = find_golden(spec, directory)
    golden["bfloat16_difference"] = bfloat16_difference(spec, directory, golden)
    save_file(golden, directory / "golden.safetensors")
    for file in directory.iterdir():
        file.chmod(0o644)
    probability = golden["logits"].softmax(dim=-1).max(dim=-1).values
    largest, typical = golden["bfloat16_difference"].tolist()
    row = {
        "name": name,
        "what is special": spec["summary"],
        "bytes": sum(file.stat().st_size for file in directory.iterdir()),
        "eager - sdpa": largest_difference(spec, directory, golden, "sdpa"),
        "float32 - float64": largest_difference(spec, directory, golden, "eager", torch.float64),
        "bfloat16: largest": f"{largest:.2f}",
        "r.m.s.": f"{typical:.3f}",
        "logits std": f"{golden['logits'].std().item():.2f}",
        "top-1 probability": " ".join(f"{probability.quantile(q).item():.2f}" for q in (0.1, 0.5, 0.9)),
        "route gap": "" if watch.gap == float("inf") else f"{watch.gap:.1e}",
        "token gap": f"{token_gap(golden):.1e}",
        "prompt seed": seed,
    }
    print(row, len(golden["decoded_ids"].unique()), watch.changed_by_bias, watch.choices, flush=True)
    return row


def write_readme(rows):
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(str(rows[name][title]) for title in COLUMNS) + " |" for name in SPECS if name in rows]
    head = (HERE / "README.head.md").read_text()
    (HERE / "README.md").write_text(head + "\n" + "\n".join(lines) + "\n")


def main():
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    stored = HERE / "rows.json"
    rows = json.loads(stored.read_text()) if stored.exists() else {}
    for name in sys.argv[1:] or list(SPECS):
        rows[name] = make(name, SPECS[name])
        write_json(stored, rows)
    write_readme(rows)


if __name__ == "__main__":
    main()

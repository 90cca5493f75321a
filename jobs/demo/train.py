# SPDX-License-Identifier: Apache-2.0
"""Trains a demo model on arithmetic with written-out steps.

    python train.py --model dense --out dense --minutes 42
    python train.py --model moe --out moe --minutes 42

Needs torch, transformers and tokenizers, and one processor core. The learning rate follows the
clock: it warms up, and then falls on a cosine that ends with the given minutes.

The weights kept here were trained with seed 0 for 42 minutes each, side by side on two cores that
other programs used too: 2,690 steps of the dense model and 2,653 of the MoE one, about 85,000
problems. Of the 1,000 problems in problems.jsonl, none of them seen in training, the dense model
answers 1,000 right and the MoE one 983 (evaluate.py; bfloat16 weights, greedy, float32 arithmetic).
"""

import argparse
import itertools
import math
import pathlib
import random
import time

import torch
import transformers

import configs
import evaluate
import problems
import tokenizer as demo_tokenizer

BATCH = 32
POOL = 16  # batches drawn at a time, and sorted by length so that little is padded
IGNORED = -100  # label of the tokens that take no part in the loss
WARMUP_STEPS = 100
REPORT_STEPS = 50
SAVE_SECONDS = 240
BIAS_STEP = 1e-3  # of the routing bias, against the experts' load
VALIDATION = 200


def encode(tokenizer, problem: problems.Problem) -> tuple[list[int], list[int]]:
    """Token ids of a problem with its solution, and their labels: only the solution counts."""
    prompt = evaluate.render(tokenizer, problem.question)
    completion = tokenizer.encode(problem.completion + tokenizer.eos_token)
    return prompt + completion, [IGNORED] * len(prompt) + completion


def batches(tokenizer, seed: int):
    """Endless batches (tokens [BATCH, longest], labels [BATCH, longest]) of the training split."""
    rng = random.Random(seed)
    drawn = (problems.draw(rng) for _ in itertools.count())
    training = (problem for problem in drawn if problems.split_of(problem) == "train")
    while True:
        pool = [encode(tokenizer, p) for p in itertools.islice(training, BATCH * POOL)]
        pool.sort(key=lambda pair: len(pair[0]))
        starts = list(range(0, len(pool), BATCH))
        rng.shuffle(starts)
        for start in starts:
            chosen = pool[start : start + BATCH]
            longest = len(chosen[-1][0])
            tokens = [t + [tokenizer.pad_token_id] * (longest - len(t)) for t, _ in chosen]
            labels = [l + [IGNORED] * (longest - len(l)) for _, l in chosen]
            yield torch.tensor(tokens), torch.tensor(labels)


class LoadBalancer:
    """Keeps the experts evenly loaded by their routing bias, which takes no part in the loss."""

    def __init__(self, model: torch.nn.Module):
        gates = [m for m in model.modules() if hasattr(m, "e_score_correction_bias")]
        self._loads = {gate: torch.zeros(gate.num_experts) for gate in gates}
        for gate in gates:
            gate.register_forward_hook(self._count)

    def _count(self, gate, _inputs, outputs) -> None:
        self._loads[gate] += torch.bincount(outputs[2].flatten(), minlength=gate.num_experts)

    @torch.no_grad()
    def step(self) -> None:
        """Moves each bias one step against the load since the last call."""
        for gate, load in self._loads.items():
            gate.e_score_correction_bias += BIAS_STEP * torch.sign(load.mean() - load)
            load.zero_()


def make_optimizer(model: torch.nn.Module, rate: float) -> torch.optim.Optimizer:
    """AdamW; norms and other vectors don't decay."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))


def loss_of(model, tokens: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy of the solutions' tokens."""
    logits = model(input_ids=tokens, use_cache=False).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten())


def validate(model, tokenizer, seed: int) -> float:
    """Share of right answers on problems of the validation split."""
    model.eval()
    chosen = problems.sample(seed, "validation", VALIDATION)
    questions, answers = [p.question for p in chosen], [str(p.answer) for p in chosen]
    share = evaluate.accuracy(model, tokenizer, questions, answers)
    model.train()
    return share


def save(model, tokenizer, out: pathlib.Path) -> None:
    """Writes the model in bfloat16 (routing biases in float32), with tokenizer and defaults."""
    state = {
        name: tensor if name.endswith("e_score_correction_bias") else tensor.to(torch.bfloat16)
        for name, tensor in model.state_dict().items()
    }
    config = model.config.to_dict() | {"dtype": "bfloat16"}
    copy = type(model)(type(model.config).from_dict(config)).to(torch.bfloat16)
    for name, buffer in copy.named_buffers():
        if name.endswith("e_score_correction_bias"):
            buffer.data = buffer.data.float()
    copy.load_state_dict(state)
    end_of_turn, end_of_text = model.config.eos_token_id, model.config.pad_token_id
    copy.generation_config = transformers.GenerationConfig(
        do_sample=False, eos_token_id=[end_of_turn, end_of_text], pad_token_id=end_of_text
    )
    is_moe = hasattr(model.config, "n_routed_experts")
    copy.save_pretrained(out, max_shard_size="1MB" if is_moe else "8MB")
    tokenizer.save_pretrained(out)


def train(options: argparse.Namespace) -> None:
    """Trains for the given minutes; saves, and reports to standard output, on the way."""
    tokenizer = demo_tokenizer.train_tokenizer(options.seed)
    model = configs.build(options.model, tokenizer)
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    optimizer, balancer = make_optimizer(model, options.rate), LoadBalancer(model)
    begin = saved = time.monotonic()
    total, losses = 60 * options.minutes, []
    for step, (tokens, labels) in enumerate(batches(tokenizer, options.seed)):
        progress = min(1.0, (time.monotonic() - begin) / total)
        cosine = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress))
        for group in optimizer.param_groups:
            group["lr"] = options.rate * cosine * min(1.0, (step + 1) / WARMUP_STEPS)
        loss = loss_of(model, tokens, labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        balancer.step()
        losses.append(loss.item())
        if step % REPORT_STEPS == 0:
            mean = sum(losses) / len(losses)
            print(f"step {step} {time.monotonic() - begin:.0f}s loss {mean:.4f}", flush=True)
            losses.clear()
        if progress == 1.0 or time.monotonic() - saved > SAVE_SECONDS:
            saved = time.monotonic()
            save(model, tokenizer, options.out)
            share = validate(model, tokenizer, options.seed)
            print(f"step {step} {saved - begin:.0f}s right {share:.3f}", flush=True)
        if progress == 1.0:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=("dense", "moe"), required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--minutes", type=float, default=42)
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    train(options)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a checkpoint of random bfloat16 weights in Llama's shape, to measure with.

    random_llama.py DIR --tokenizer jobs/demo/dense

The default shape has 1.1 billion parameters (hidden 2048, intermediate 5632, 22 layers, 32 heads, 4 KV
heads, vocabulary 32000): 2.2 GB. The tokenizer's files are copied from another model, since a run over
token ids needs none of its own. Needs numpy only.
"""

import argparse
import json
import pathlib
import shutil
import struct

import numpy


def tensors(shape):
    """Names and shapes of all tensors, in the order of the file."""
    hidden, inter = shape["hidden_size"], shape["intermediate_size"]
    head_dim = hidden // shape["num_attention_heads"]
    kv = shape["num_key_value_heads"] * head_dim
    yield "model.embed_tokens.weight", (shape["vocab_size"], hidden)
    for layer in range(shape["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (hidden,)
        for name, rows in (("q_proj", hidden), ("k_proj", kv), ("v_proj", kv), ("o_proj", hidden)):
            yield f"{prefix}self_attn.{name}.weight", (rows, hidden)
        yield prefix + "post_attention_layernorm.weight", (hidden,)
        yield prefix + "mlp.gate_proj.weight", (inter, hidden)
        yield prefix + "mlp.up_proj.weight", (inter, hidden)
        yield prefix + "mlp.down_proj.weight", (hidden, inter)
    yield "model.norm.weight", (hidden,)
    yield "lm_head.weight", (shape["vocab_size"], hidden)


def to_bfloat16(values):
    return (values.astype("<f4").view("<u4") >> 16).astype("<u2")


def write(path, shape):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, dims in tensors(shape):
        size = 2 * int(numpy.prod(dims))
        header[name] = {"dtype": "BF16", "shape": list(dims), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64)
    random = numpy.random.default_rng(0)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for _, dims in tensors(shape):
            if len(dims) == 1:
                out.write(to_bfloat16(numpy.ones(dims, "<f4")).tobytes())
            else:
                values = random.standard_normal(dims, "<f4") * 0.02
                out.write(to_bfloat16(values).tobytes())
    return offset


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True)
    parser.add_argument("--hidden-size", type=int, default=2048)
    parser.add_argument("--intermediate-size", type=int, default=5632)
    parser.add_argument("--num-hidden-layers", type=int, default=22)
    parser.add_argument("--num-attention-heads", type=int, default=32)
    parser.add_argument("--num-key-value-heads", type=int, default=4)
    parser.add_argument("--vocab-size", type=int, default=32000)
    shape = vars(parser.parse_args())
    folder, tokenizer = shape.pop("dir"), shape.pop("tokenizer")
    folder.mkdir(parents=True, exist_ok=True)
    config = dict(shape, architectures=["LlamaForCausalLM"], model_type="llama", hidden_act="silu",
                  max_position_embeddings=4096, rms_norm_eps=1e-5, rope_theta=10000.0,
                  tie_word_embeddings=False, torch_dtype="bfloat16")
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, folder / name)
    print(f"{write(folder / 'model.safetensors', shape)} bytes of weights in {folder}")


if __name__ == "__main__":
    main()

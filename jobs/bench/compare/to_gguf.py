#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the weights of a Llama-shaped Hugging Face checkpoint as a gguf file, for llama.cpp to run.

    to_gguf.py MODEL_DIR OUT.gguf

Matrices stay bfloat16; norms become float32. The file has no tokenizer: it is for benchmarks, which run on
token ids. Other types are made from it by the other program's own tool (llama-quantize). Needs numpy and gguf
(PyPI).
"""

import argparse
import json
import pathlib
import struct

import gguf
import numpy

LAYER_NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
OUTER_NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def read_tensors(folder):
    """Name and bfloat16 bits [..., as uint16] of every tensor of the folder's safetensors files."""
    for file in sorted(folder.glob("*.safetensors")):
        with open(file, "rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length))
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            if entry["dtype"] != "BF16":
                raise SystemExit(f"{file}: {name} is {entry['dtype']} (only BF16 can be written)")
            begin, end = entry["data_offsets"]
            data = numpy.memmap(file, "<u2", "r", 8 + length + begin, ((end - begin) // 2,))
            yield name, data.reshape(entry["shape"])


def gguf_name(name):
    stem = name.removesuffix(".weight")
    if stem in OUTER_NAMES:
        return OUTER_NAMES[stem] + ".weight"
    _, _, layer, part = stem.split(".", 3)
    return f"blk.{layer}.{LAYER_NAMES[part]}.weight"


def pair_up(rows, heads):
    """Rows of a projection in the order that llama.cpp rotates: a head's two halves interleaved."""
    half = rows.shape[0] // heads // 2
    return rows.reshape(heads, 2, half, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def write_shape(writer, config):
    heads = config["num_attention_heads"]
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads", heads))
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_rope_freq_base(config.get("rope_theta", 10000.0))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    writer.add_tokenizer_model("no_vocab")


def write_tensors(writer, folder, config):
    heads = config["num_attention_heads"]
    heads_of = {"q_proj": heads, "k_proj": config.get("num_key_value_heads", heads)}
    for name, bits in read_tensors(folder):
        for part, count in heads_of.items():
            if f".{part}." in name:
                bits = pair_up(bits, count)
        if bits.ndim == 1:
            writer.add_tensor(gguf_name(name), (bits.astype("<u4") << 16).view("<f4"))
        else:
            data = numpy.ascontiguousarray(bits).view(numpy.uint8)
            writer.add_tensor(gguf_name(name), data, raw_dtype=gguf.GGMLQuantizationType.BF16)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()
    config = json.loads((arguments.model / "config.json").read_text())
    if config["model_type"] != "llama":
        raise SystemExit(f"{arguments.model}: model_type {config['model_type']} (only llama can be written)")
    writer = gguf.GGUFWriter(arguments.out, "llama")
    write_shape(writer, config)
    write_tensors(writer, arguments.model, config)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()

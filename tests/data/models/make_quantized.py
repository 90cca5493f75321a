# SPDX-License-Identifier: Apache-2.0
"""Makes the quantised tiny checkpoints of this folder, and what transformers answers on what they stand for.

    python make_quantized.py [NAME ...]     (beyond make_models.py: compressed-tensors, autoawq, auto-gptq)

Tensors are packed by the formats' own packages (see quantized_packers.py) and unpacked by them to float32; the answers
in `golden.safetensors` are of transformers in float32 on those, as make_models.py describes them.
"""

import json
import pathlib
import shutil
import sys
import tempfile

import torch
from compressed_tensors.compressors import (
    FloatQuantizationCompressor,
    IntQuantizationCompressor,
    PackedQuantizationCompressor,
)
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, DeepseekV3Config, DeepseekV3ForCausalLM, GptOssConfig
from transformers import GptOssForCausalLM, LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM
from transformers.integrations.mxfp4 import convert_moe_packed_tensors
from transformers.utils import logging

from make_models import HERE, bfloat16_difference, find_golden, token_gap, write_json
from quantized_packers import Awq, BlockFp8, Compressed, Gptq
from random_weights import randomise
from spec_base import COMMON, old_rope, spec

ROPE = {"rope_type": "default", "rope_theta": 10000.0}
SHAPE = {"max_position_embeddings": 512, "rope_parameters": ROPE, "tie_word_embeddings": False, "rms_norm_eps": 1e-6}
SHAPE |= COMMON


def llama(seed, vocab, packer, **sizes):
    config = LlamaConfig(vocab_size=vocab, num_hidden_layers=2, **sizes, **SHAPE)
    return spec(LlamaForCausalLM, config, seed, "", old_spelling=old_rope, packer=packer)


def qwen3(seed, vocab, packer, **sizes):
    config = Qwen3Config(vocab_size=vocab, num_hidden_layers=2, **sizes, **SHAPE)
    return spec(Qwen3ForCausalLM, config, seed, "", old_spelling=old_rope, packer=packer)


def heads(count, kv, dim):
    return {"num_attention_heads": count, "num_key_value_heads": kv, "head_dim": dim}


def gptq():
    """4 bits, groups of 128 with zero points: ranks of tp 2 share the groups in the middle."""
    return qwen3(31, 149, lambda: Gptq(4, 128, False, False), hidden_size=128, intermediate_size=384, **heads(6, 2, 64))


def gptq_act_order():
    """8 bits, symmetric groups of 32 that inputs are spread over."""
    return qwen3(32, 151, lambda: Gptq(8, 32, True, True), hidden_size=64, intermediate_size=192, **heads(4, 2, 32))


def gptq_rows():
    """4 bits, symmetric, a scale for a whole row."""
    return qwen3(33, 153, lambda: Gptq(4, -1, True, False), hidden_size=64, intermediate_size=192, **heads(6, 2, 32))


def awq():
    """Groups of 64 with zero points."""
    return llama(34, 155, lambda: Awq(64), hidden_size=128, intermediate_size=320, **heads(4, 2, 32))


def compressed_int4():
    def packer():
        return Compressed(
            PackedQuantizationCompressor, ["lm_head"], num_bits=4, strategy="group", group_size=32, symmetric=False
        )

    return qwen3(35, 157, packer, hidden_size=64, intermediate_size=224, **heads(6, 3, 32))


def compressed_int4_symmetric():
    """The output head too."""

    def packer():
        return Compressed(PackedQuantizationCompressor, [], num_bits=4, strategy="group", group_size=128)

    return llama(36, 160, packer, hidden_size=128, intermediate_size=256, **heads(4, 1, 32))


def compressed_int8():
    def packer():
        return Compressed(IntQuantizationCompressor, ["lm_head"], num_bits=8, strategy="channel")

    return llama(37, 159, packer, hidden_size=64, intermediate_size=192, **heads(4, 2, 32))


def compressed_fp8():
    """Experts; routers stay as they are."""

    def packer():
        ignore = ["lm_head", "re:.*mlp.gate$"]
        return Compressed(FloatQuantizationCompressor, ignore, num_bits=8, type="float", strategy="channel")

    config = Qwen3MoeConfig(
        vocab_size=161, hidden_size=64, intermediate_size=96, moe_intermediate_size=32, num_hidden_layers=2,
        num_experts=8, num_experts_per_tok=2, norm_topk_prob=True, decoder_sparse_step=1, **heads(4, 2, 32), **SHAPE,
    )  # fmt: skip

    def old(config):
        config = old_rope(config)
        config["num_experts"] = config.pop("num_local_experts", 8)
        return config

    return spec(Qwen3MoeForCausalLM, config, 38, "", old_spelling=old, packer=packer)


def deepseek_fp8():
    config = DeepseekV3Config(
        vocab_size=163, hidden_size=160, intermediate_size=192, moe_intermediate_size=32, num_hidden_layers=2,
        q_lora_rank=96, kv_lora_rank=64, qk_nope_head_dim=32, qk_rope_head_dim=16, v_head_dim=32,
        n_routed_experts=4, n_shared_experts=1, num_experts_per_tok=2, n_group=1, topk_group=1,
        routed_scaling_factor=2.5, norm_topk_prob=True, first_k_dense_replace=1, num_mtp_layers=0,
        num_attention_heads=4, num_key_value_heads=4, **SHAPE,
    )  # fmt: skip

    def old(config):
        config = old_rope(config)
        config |= {"scoring_func": "sigmoid", "topk_method": "noaux_tc", "moe_layer_freq": 1, "ep_size": 1}
        for name in ("rope_interleave", "head_dim", "qk_head_dim"):
            config.pop(name, None)
        return config

    return spec(DeepseekV3ForCausalLM, config, 39, "", old_spelling=old, packer=BlockFp8)


class Mxfp4:
    """Random codes and scales; transformers' reader."""

    def __init__(self):
        self.generator = torch.Generator().manual_seed(5)

    def config(self):
        names = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]
        return {"quant_method": "mxfp4", "modules_to_not_convert": names}

    def __call__(self, name, weight):
        experts, inputs, outputs = weight.shape
        blocks = torch.randint(0, 256, (experts, outputs, inputs // 32, 16), generator=self.generator)
        scales = torch.randint(121, 125, (experts, outputs, inputs // 32), generator=self.generator)
        blocks, scales = blocks.to(torch.uint8), scales.to(torch.uint8)
        meaning = convert_moe_packed_tensors(blocks, scales, dtype=torch.float32)
        return {f"{name}_blocks": blocks, f"{name}_scales": scales}, meaning


def gpt_oss_mxfp4():
    rope = {
        "rope_type": "yarn", "rope_theta": 150000.0, "factor": 8.0, "beta_fast": 6.0, "beta_slow": 1.0,
        "truncate": False, "original_max_position_embeddings": 64,
    }  # fmt: skip
    shape = SHAPE | {"rope_parameters": rope}
    config = GptOssConfig(
        vocab_size=165, hidden_size=64, intermediate_size=32, num_hidden_layers=2, num_local_experts=4,
        num_experts_per_tok=2, sliding_window=24, layer_types=["sliding_attention", "full_attention"],
        **heads(4, 2, 32), **shape,
    )  # fmt: skip

    def old(config):
        config = old_rope(config)
        config.pop("swiglu_alpha", None)
        return config | {"experts_per_token": 2, "initial_context_length": 64}

    return spec(GptOssForCausalLM, config, 40, "", torch.bfloat16, old_spelling=old, packer=Mxfp4)


MAKERS = [gptq, gptq_act_order, gptq_rows, awq, compressed_int4, compressed_int4_symmetric, compressed_int8]
MAKERS += [compressed_fp8, deepseek_fp8, gpt_oss_mxfp4]


def is_quantized(name, packer):
    if isinstance(packer, Mxfp4):
        return name.endswith(("experts.gate_up_proj", "experts.down_proj"))
    if name == "lm_head.weight":
        return isinstance(packer, Compressed) and "lm_head" not in packer.ignore
    return name.endswith(("_proj.weight", "_proj_with_mqa.weight"))


def quantize(file, packer):
    """(what the checkpoint holds, what it stands for) for the tensors of a file."""
    stored, meant = {}, {}
    for name, tensor in sorted(load_file(file).items()):
        meant[name] = tensor
        if is_quantized(name, packer):
            packed, meaning = packer(name.removesuffix(".weight"), tensor.float())
            stored |= {name: part.contiguous() for name, part in packed.items()}
            meant[name] = meaning
        else:
            stored[name] = tensor
    return stored, meant


def make(name, spec, scratch):
    directory = HERE / name
    packer = spec["packer"]()
    model = spec["model"](spec["config"])
    randomise(model, {"norm": 1.0} | spec["gains"], torch.Generator().manual_seed(spec["seed"]))
    model.to(spec["dtype"]).save_pretrained(scratch)
    stored, meant = quantize(scratch / "model.safetensors", packer)
    save_file(meant, scratch / "model.safetensors", metadata={"format": "pt"})
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    save_file(stored, directory / "model.safetensors", metadata={"format": "pt"})
    config = spec["old_spelling"](json.loads((scratch / "config.json").read_text()))
    write_json(directory / "config.json", config | {"quantization_config": packer.config()})
    # What is asked is the model of the meaning, wherever the checkpoint lies.
    spec["load"] = lambda _, **more: AutoModelForCausalLM.from_pretrained(scratch, **more)
    golden, watch, seed = find_golden(spec, directory)
    golden["bfloat16_difference"] = bfloat16_difference(spec, directory, golden)
    save_file(golden, directory / "golden.safetensors")
    for file in directory.iterdir():
        file.chmod(0o644)
    size = sum(file.stat().st_size for file in directory.iterdir())
    print(name, size, "bytes, gap", token_gap(golden), watch.gap, "seed", seed, golden["bfloat16_difference"], flush=True)


def main():
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    makers = {f"quant_{maker.__name__}": maker for maker in MAKERS}
    for name in sys.argv[1:] or list(makers):
        with tempfile.TemporaryDirectory() as scratch:
            make(name, makers[name](), pathlib.Path(scratch))


if __name__ == "__main__":
    main()

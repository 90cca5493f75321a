# SPDX-License-Identifier: Apache-2.0
"""Linear maps quantised and packed by the formats' own Python packages, and read back by them.

Each packer takes a name without ".weight" and a float32 weight [out, in], and gives
(tensors of the checkpoint, the weight that they stand for in float32).
"""

import importlib
import sys
import types
import warnings

import torch
from compressed_tensors.compressors import (
    FloatQuantizationCompressor,
    IntQuantizationCompressor,
    PackedQuantizationCompressor,
)
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from transformers.integrations.finegrained_fp8 import Fp8Dequantize


def without_init(package, *modules):
    """Imports modules of a package that no longer fits the transformers of today as a whole."""
    warnings.simplefilter("ignore")
    spec = importlib.util.find_spec(package)
    for name in {module.rsplit(".", 1)[0] for module in modules} | {package}:
        parts = name.split(".")
        for i in range(1, len(parts) + 1):
            stub = types.ModuleType(".".join(parts[:i]))
            stub.__path__ = ["/".join([spec.submodule_search_locations[0], *parts[1:i]])]
            sys.modules.setdefault(stub.__name__, stub)
    return [importlib.import_module(module) for module in modules]


def linear_of(weight):
    linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    linear.weight.data = weight.clone()
    return linear


def group_ranges(weight, group):
    """Least and largest of each group and 0: [out, groups]."""
    grouped = weight.reshape(weight.shape[0], -1, group)
    return grouped.amin(-1).clamp(max=0), grouped.amax(-1).clamp(min=0)


def asymmetric(weight, group, levels, least_zero=0):
    low, high = group_ranges(weight, group)
    scale = ((high - low) / (levels - 1)).half().float()
    zero = (-low / scale).round().clamp(least_zero, levels - 1)
    return scale, zero


class Gptq:
    """auto-gptq's QuantLinear."""

    def __init__(self, bits, group, sym, act_order, seed=0):
        (module,) = without_init("auto_gptq", "auto_gptq.nn_modules.qlinear.qlinear_cuda")
        self.kind = module.QuantLinear
        self.bits, self.group, self.sym, self.act_order = bits, group, sym, act_order
        self.generator = torch.Generator().manual_seed(seed)

    def config(self):
        return {
            "quant_method": "gptq", "bits": self.bits, "group_size": self.group, "sym": self.sym,
            "desc_act": self.act_order, "damp_percent": 0.01, "true_sequential": True, "lm_head": False,
        }  # fmt: skip

    def __call__(self, name, weight):
        size = weight.shape[1]
        groups = torch.arange(size) // (size if self.group == -1 else self.group)
        if self.act_order:
            groups = groups[torch.randperm(size, generator=self.generator)]
        sorted_weight = weight[:, torch.argsort(groups, stable=True)]
        group = size if self.group == -1 else self.group
        levels = 2**self.bits
        if self.sym:
            largest = sorted_weight.reshape(len(weight), -1, group).abs().amax(-1)
            scale = (2 * largest / (levels - 1)).half().float()
            zero = torch.full_like(scale, levels // 2)
        else:  # the package itself packs a zero point of 0 wrongly
            scale, zero = asymmetric(sorted_weight, group, levels, 1)
        chosen, middle = scale[:, groups], zero[:, groups]
        clipped = ((weight / chosen + middle).round().clamp(0, levels - 1) - middle) * chosen
        layer = self.kind(self.bits, self.group, size, len(weight), False, weight_dtype=torch.float32)
        layer.pack(linear_of(clipped), scale, zero, groups.to(torch.int32))
        tensors = {f"{name}.{part}": getattr(layer, part) for part in ("qweight", "qzeros", "scales", "g_idx")}
        tensors[f"{name}.scales"] = tensors[f"{name}.scales"].half()
        meaning = layer(torch.eye(size)).t().contiguous()  # sums of zeros and one product: exact
        return tensors, meaning


class Awq:
    """AutoAWQ's WQLinear_GEMM."""

    def __init__(self, group):
        gemm, packing = without_init("awq", "awq.modules.linear.gemm", "awq.utils.packing_utils")
        self.kind, self.dequantize, self.group = gemm.WQLinear_GEMM, packing.dequantize_gemm, group

    def config(self):
        return {
            "quant_method": "awq", "bits": 4, "group_size": self.group, "zero_point": True,
            "version": "gemm", "modules_to_not_convert": None,
        }  # fmt: skip

    def __call__(self, name, weight):
        scale, zero = asymmetric(weight, self.group, 16)
        chosen, middle = (each.repeat_interleave(self.group, 1) for each in (scale, zero))
        clipped = ((weight / chosen + middle).round().clamp(0, 15) - middle) * chosen
        layer = self.kind.from_linear(
            linear_of(clipped), 4, self.group, scales=scale.t().contiguous(), zeros=zero.t().contiguous()
        )
        tensors = {f"{name}.{part}": getattr(layer, part) for part in ("qweight", "qzeros", "scales")}
        meaning = self.dequantize(layer.qweight, layer.qzeros, layer.scales.float(), 4, self.group)
        return tensors, meaning.t().contiguous()


class Compressed:
    """compressed-tensors' own compressors."""

    def __init__(self, compressor, ignore, **weights):
        self.kind = compressor
        self.ignore = ignore
        self.args = QuantizationArgs(**weights)
        self.scheme = QuantizationScheme(targets=["Linear"], weights=self.args)

    def config(self):
        names = {
            PackedQuantizationCompressor: "pack-quantized",
            IntQuantizationCompressor: "int-quantized",
            FloatQuantizationCompressor: "float-quantized",
        }
        weights = self.args.model_dump(mode="json")
        activations = {"num_bits": 8, "type": weights["type"], "strategy": "token", "dynamic": True}
        is_packed = self.kind is PackedQuantizationCompressor
        group = {"targets": ["Linear"], "weights": weights, "input_activations": None if is_packed else activations}
        return {
            "quant_method": "compressed-tensors", "format": names[self.kind], "config_groups": {"group_0": group},
            "ignore": self.ignore, "kv_cache_scheme": None, "quantization_status": "compressed",
        }  # fmt: skip

    def __call__(self, name, weight):
        group = self.args.group_size or weight.shape[1]
        low, high = group_ranges(weight, group)
        if self.args.type == "float":
            scale, zero = torch.maximum(-low, high) / 448, None
        elif self.args.symmetric:
            scale, zero = torch.maximum(-low, high) / (2 ** (self.args.num_bits - 1) - 0.5), None
        else:
            levels = 2**self.args.num_bits
            scale, zero = asymmetric(weight, group, levels)
            zero = (zero - levels // 2).to(torch.int8)
        state = {"weight": weight, "weight_scale": scale.bfloat16().float()}
        if zero is not None:
            state["weight_zero_point"] = zero
        packed = self.kind.compress(state, self.scheme)
        meaning = self.kind.decompress(packed, self.scheme)["weight"]
        packed["weight_scale"] = packed["weight_scale"].bfloat16()
        return {f"{name}.{part}": tensor for part, tensor in packed.items()}, meaning.float()


class BlockFp8:
    """torch's float8_e4m3fn, and transformers' reader of DeepSeek's blocks."""

    block = 128

    def config(self):
        return {
            "quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
            "weight_block_size": [self.block, self.block],
        }  # fmt: skip

    def __call__(self, name, weight):
        rows, cols = (-(-size // self.block) * self.block for size in weight.shape)
        padded = torch.zeros(rows, cols)
        padded[: weight.shape[0], : weight.shape[1]] = weight
        blocks = padded.reshape(rows // self.block, self.block, cols // self.block, self.block)
        scale = blocks.abs().amax((1, 3)) / 448
        codes = (blocks / scale[:, None, :, None]).reshape(rows, cols).to(torch.float8_e4m3fn)
        meaning = Fp8Dequantize(None)._dequantize_one(codes, scale, torch.float32)
        crop = tuple(slice(size) for size in weight.shape)
        tensors = {f"{name}.weight": codes[crop].contiguous(), f"{name}.weight_scale_inv": scale}
        return tensors, meaning[crop].contiguous()

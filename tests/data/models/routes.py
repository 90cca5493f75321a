# SPDX-License-Identifier: Apache-2.0
"""How near the choices of experts come to other ones."""

MIN_ROUTE_GAP = 1e-4
MIN_CHANGED_BY_BIAS = 0.1


class RouteWatch:
    """Records how near each routing decision of a mixture-of-experts model came to another one."""

    def __init__(self, model):
        self.hooks = [
            module.register_forward_hook(self.record)
            for module in model.modules()
            if type(module).__name__.endswith("Router")
        ]
        self.gap = float("inf")
        self.choices = 0
        self.changed_by_bias = 0

    def restart(self):
        self.gap = float("inf")
        self.choices = 0
        self.changed_by_bias = 0

    def close(self):
        for hook in self.hooks:
            hook.remove()

    def note_gap(self, scores, count):
        if scores.shape[-1] > count:
            ordered = scores.sort(dim=-1, descending=True).values
            self.gap = min(self.gap, (ordered[:, count - 1] - ordered[:, count]).min().item())

    def note_groups(self, wanted, group_scores, module):
        """Of the groups, then of the experts in the groups that are kept."""
        self.note_gap(group_scores, module.topk_group)
        kept = group_scores.new_zeros(group_scores.shape)
        kept = kept.scatter(1, group_scores.topk(module.topk_group).indices, 1).bool()
        size = wanted.shape[-1] // kept.shape[-1]
        self.note_gap(wanted.masked_fill(~kept.repeat_interleave(size, dim=1), float("-inf")), module.top_k)

    def record(self, module, arguments, outputs):
        logits, _, chosen = outputs
        # MiniMax-M2 hands the correction to its router, the others keep it there.
        bias = arguments[1] if len(arguments) > 1 else getattr(module, "e_score_correction_bias", None)
        if bias is not None:
            self.record_sigmoid(module, logits.float().sigmoid(), bias, chosen)
            return
        scores = logits.float().softmax(dim=-1)
        if getattr(module, "topk_method", "greedy") == "group_limited_greedy":
            self.note_groups(scores, scores.view(len(scores), module.num_group, -1).max(dim=-1).values, module)
        else:
            self.note_gap(scores, module.top_k)

    def record_sigmoid(self, module, scores, bias, chosen):
        wanted = scores + bias
        if hasattr(module, "num_group"):
            grouped = wanted.view(len(wanted), module.num_group, -1)
            self.note_groups(wanted, grouped.topk(2, dim=-1).values.sum(dim=-1), module)
        else:
            self.note_gap(wanted, module.top_k)
        unbiased = scores.topk(module.top_k).indices.sort(dim=-1).values
        self.choices += len(wanted)
        self.changed_by_bias += (unbiased != chosen.sort(dim=-1).values).any(dim=-1).sum().item()

    def fits(self):
        biased = self.choices == 0 or self.changed_by_bias > MIN_CHANGED_BY_BIAS * self.choices
        return self.gap > MIN_ROUTE_GAP and biased

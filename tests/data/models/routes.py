# SPDX-License-Identifier: Apache-2.0
"""How near the choices of experts come to other ones."""

MIN_ROUTE_GAP = 1e-4
MIN_CHANGED_BY_BIAS = 0.1


class RouteWatch:
    """Records how near each routing decision of a mixture-of-experts model came to another one."""

    def __init__(self, model):
        self.config = model.config.get_text_config()
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

    def record(self, module, _, outputs):
        logits, _, chosen = outputs
        if not hasattr(module, "e_score_correction_bias"):
            self.note_gap(logits.float().softmax(dim=-1), self.config.num_experts_per_tok)
            return
        scores = logits.float().sigmoid()
        wanted = scores + module.e_score_correction_bias
        grouped = wanted.view(len(wanted), module.num_group, -1)
        group_scores = grouped.topk(2, dim=-1).values.sum(dim=-1)
        self.note_gap(group_scores, module.topk_group)
        kept = group_scores.new_zeros(group_scores.shape)
        kept = kept.scatter(1, group_scores.topk(module.topk_group).indices, 1)
        allowed = kept.bool().unsqueeze(-1).expand_as(grouped).reshape(wanted.shape)
        self.note_gap(wanted.masked_fill(~allowed, float("-inf")), module.top_k)
        unbiased = scores.topk(module.top_k).indices.sort(dim=-1).values
        self.choices += len(wanted)
        self.changed_by_bias += (unbiased != chosen.sort(dim=-1).values).any(dim=-1).sum().item()

    def fits(self):
        biased = self.choices == 0 or self.changed_by_bias > MIN_CHANGED_BY_BIAS * self.choices
        return self.gap > MIN_ROUTE_GAP and biased

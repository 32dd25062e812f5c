"""The same optimisers as in src/training/optimizers.ts."""

from collections.abc import Iterable

import torch

from .job import Optimizer


class DecoupledLionW(torch.optim.Optimizer):
    """LionW as in MosaicML's llm-foundry; the decay of a step is its rate times `weight_decay`."""

    def __init__(
        self,
        parameters: Iterable[torch.nn.Parameter],
        lr: float,
        betas: tuple[float, float],
        weight_decay: float,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """PyTorch calls it with `closure=None` before loading a saved state."""
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * torch.sign(beta1 * momentum + (1 - beta1) * p.grad))
                momentum.mul_(beta2).add_((1 - beta2) * p.grad)


def make_optimizer(rule: Optimizer, parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """The learning rate is set in its groups at each step."""
    if rule.name == "adamw":
        return torch.optim.AdamW(
            parameters, lr=1.0, betas=rule.betas, eps=rule.epsilon, weight_decay=rule.decay
        )
    return DecoupledLionW(parameters, lr=1.0, betas=rule.betas, weight_decay=rule.decay)

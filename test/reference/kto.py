"""Makes test/reference/kto.json: losses of TRL's own KTOTrainer and PyTorch's gradients of them.

    python3 -m venv /tmp/kto && /tmp/kto/bin/pip install -r test/reference/kto-requirements.txt
    /tmp/kto/bin/python test/reference/kto.py > test/reference/kto.json && npx prettier --write test/reference/kto.json

The method is called on a stand-in for the trainer: it needs no more of one than these settings.
"""

import inspect
import json
import types

import torch
from trl import KTOTrainer

BETA = 0.1
torch.manual_seed(11)


def case(desirable, undesirable, mismatched, spread, shift, weights):
    def draw(count):
        reference = -20 * torch.rand(count, dtype=torch.float64) - 1
        return (reference + spread * torch.randn(count, dtype=torch.float64) + shift).requires_grad_(), reference

    chosen, chosen_reference = draw(desirable)
    rejected, rejected_reference = draw(undesirable)
    other, other_reference = draw(mismatched)
    trainer = types.SimpleNamespace(
        beta=BETA,
        loss_type="kto",
        calculate_KL=True,
        desirable_weight=weights[0],
        undesirable_weight=weights[1],
        args=types.SimpleNamespace(device="cpu"),
        accelerator=types.SimpleNamespace(device="cpu", gather_for_metrics=lambda x: x, gather=lambda x: x),
    )
    losses, _, _, kl = KTOTrainer.kto_loss(trainer, chosen, rejected, other, chosen_reference, rejected_reference, other_reference)
    losses.nanmean().backward()
    ratios = lambda policy, reference: (policy.detach() - reference).tolist()
    gradient = lambda policy: [] if policy.grad is None else policy.grad.tolist()
    return {
        "weights": dict(zip(("desirable", "undesirable"), weights)),
        "desirable": ratios(chosen, chosen_reference),
        "undesirable": ratios(rejected, rejected_reference),
        "mismatched": ratios(other, other_reference),
        "kl": float(kl),
        "losses": losses.tolist(),
        "gradient": gradient(chosen) + gradient(rejected),
    }


cases = [
    case(4, 4, 4, 5, 0, (1, 1)),
    case(6, 2, 4, 5, 3, (1, 3)),
    case(2, 6, 8, 20, -4, (3, 1)),
    case(0, 4, 4, 2, 1, (1, 1)),
    case(3, 1, 1, 0, 0, (1, 2)),
]
print(json.dumps({"source": f"KTOTrainer of {inspect.getmodule(KTOTrainer).__name__}, PyTorch {torch.__version__}", "beta": BETA, "cases": cases}))

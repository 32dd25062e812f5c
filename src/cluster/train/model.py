"""The base, and what trains of it, spread over the workers."""

from pathlib import Path

import torch
import torch.nn.functional as F
from peft import PeftModel
from safetensors.torch import save_file
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.nn.parallel import DistributedDataParallel
from transformers import AutoModelForCausalLM, PreTrainedModel

from .job import Job, Rows

Trained = PreTrainedModel | PeftModel


def load(job: Job) -> Trained:
    """The model on the processor, in f32: the whole base, and LoRA's first adapter on it."""
    base = AutoModelForCausalLM.from_pretrained(
        job.folder / "base",
        dtype=torch.float32,
        attn_implementation="sdpa",
        attention_dropout=job.attention_dropout,
    )
    base.config.use_cache = False
    if job.rope_divisors:
        divide_frequencies(base, job.rope_divisors)
    if job.recompute:
        base.gradient_checkpointing_enable({"use_reentrant": False})
    if job.method == "full":
        return base
    return PeftModel.from_pretrained(base, str(job.folder / "initial"), is_trainable=True)


def divide_frequencies(base: PreTrainedModel, divisors: list[float]) -> None:
    """Llama 3's scaling as GGUF has it: a divisor for each frequency."""
    rope = base.model.rotary_emb
    rope.inv_freq = rope.inv_freq / torch.tensor(divisors, dtype=rope.inv_freq.dtype)
    rope.original_inv_freq = rope.inv_freq


def blocks_of(model: Trained) -> torch.nn.ModuleList:
    base = model.get_base_model() if isinstance(model, PeftModel) else model
    return base.model.layers


class Parallel:
    """A model whose gradients are the mean over all workers.

    DDP: each worker has all weights. FSDP: each keeps its share, and a block's weights are whole only while it
    computes.
    """

    def __init__(self, job: Job, model: Trained, device: torch.device) -> None:
        self.model = model
        self.device = device
        self.half = job.precision == "bf16"
        if job.parallel == "fsdp":
            self.module = sharded(model, device, self.half)
        else:
            ids = [device.index] if device.type == "cuda" else None
            self.module = DistributedDataParallel(model.to(device), device_ids=ids)

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        return [p for p in self.model.parameters() if p.requires_grad]

    def losses(self, rows: Rows) -> torch.Tensor:
        """Nats of each prediction, [n, length]; 0 where it does not count."""
        inputs, targets = rows.tokens[:, :-1], rows.tokens[:, 1:]
        # FSDP has its own rule for types.
        autocast = self.half and isinstance(self.module, DistributedDataParallel)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=autocast):
            logits = self.module(input_ids=inputs, attention_mask=mask_of(rows.starts)).logits
        losses = F.cross_entropy(logits.float().transpose(1, 2), targets, reduction="none")
        return losses * rows.learned

    def exchange(self, wanted: bool) -> None:
        """Whether the next backward pass exchanges gradients: once a step is enough."""
        if isinstance(self.module, DistributedDataParallel):
            self.module.require_backward_grad_sync = wanted
        else:
            self.module.set_requires_gradient_sync(wanted)

    def trained_values(self) -> dict[str, torch.Tensor]:
        """What trains, by its name, whole and on the processor; empty but on the first worker."""
        options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
        return get_model_state_dict(self.module, options=options)

    def save(self, values: dict[str, torch.Tensor], folder: Path) -> None:
        """PEFT's folder, or all weights in model.safetensors under transformers' names."""
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(self.model, PeftModel):
            self.model.save_pretrained(str(folder), state_dict=values)
            return
        tied = self.model.config.tie_word_embeddings
        kept = {name: p.contiguous() for name, p in values.items() if not (tied and name == "lm_head.weight")}
        save_file(kept, folder / "model.safetensors", {"format": "pt"})


def sharded(model: Trained, device: torch.device, half: bool) -> torch.nn.Module:
    """Blocks one by one, so that a device never has more than a block besides its share."""
    policy = MixedPrecisionPolicy(torch.bfloat16, torch.float32) if half else MixedPrecisionPolicy()
    mesh = torch.distributed.init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    for part in [*blocks_of(model), model]:
        fully_shard(part, mesh=mesh, mp_policy=policy)
        # Gloo knows sums only.
        part.set_force_sum_reduction_for_comms(device.type == "cpu")
    return model


def mask_of(starts: torch.Tensor) -> torch.Tensor | None:
    """Which keys a query sees, [n, 1, length, length]: those before it in its document. None: all before it."""
    if not bool((starts > 0).any()):
        return None
    places = torch.arange(starts.shape[1], device=starts.device)
    causal = places[None, None, :] <= places[None, :, None]
    return (causal & (places[None, None, :] >= starts[:, :, None]))[:, None]

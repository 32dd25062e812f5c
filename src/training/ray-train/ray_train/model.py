"""The base and its trainable part, distributed over the workers."""

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
    """Loads the model on the CPU, in f32: the base and, for LoRA, the initial adapter."""
    base = AutoModelForCausalLM.from_pretrained(
        job.folder / "base",
        dtype=torch.float32,
        attn_implementation="sdpa",
        attention_dropout=job.hyper["attentionDropout"],
    )
    base.config.use_cache = False
    if job.rope_divisors:
        divide_frequencies(base, job.rope_divisors)
    if job.hyper["recompute"]:
        base.gradient_checkpointing_enable({"use_reentrant": False})
    if job.hyper["method"] == "full":
        return base
    return PeftModel.from_pretrained(base, str(job.folder / "initial"), is_trainable=True)


def divide_frequencies(base: PreTrainedModel, divisors: list[float]) -> None:
    """Llama 3's RoPE scaling as in GGUF: a divisor for each frequency."""
    rope = base.model.rotary_emb
    rope.inv_freq = rope.inv_freq / torch.tensor(divisors, dtype=rope.inv_freq.dtype)
    rope.original_inv_freq = rope.inv_freq


def blocks_of(model: Trained) -> torch.nn.ModuleList:
    base = model.get_base_model() if isinstance(model, PeftModel) else model
    return base.model.layers


class Parallel:
    """A model whose gradients are the mean over all workers.

    DDP: each worker has all weights. FSDP: each keeps a shard, and a block's weights are gathered only while it
    computes.
    """

    def __init__(self, job: Job, model: Trained, device: torch.device) -> None:
        self.model = model
        self.device = device
        self.half = job.hyper["precision"] == "bf16"
        if job.parallel == "fsdp":
            self.module = sharded(model, device, self.half)
        else:
            ids = [device.index] if device.type == "cuda" else None
            self.module = DistributedDataParallel(model.to(device), device_ids=ids)

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        return [p for p in self.model.parameters() if p.requires_grad]

    def losses(self, rows: Rows) -> torch.Tensor:
        """Loss of each prediction in nats, [n, length]; 0 where it does not count."""
        inputs, targets = rows.tokens[:, :-1], rows.tokens[:, 1:]
        # FSDP has its own mixed-precision policy.
        autocast = self.half and isinstance(self.module, DistributedDataParallel)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=autocast):
            logits = self.module(input_ids=inputs, attention_mask=mask_of(rows.starts)).logits
        losses = F.cross_entropy(logits.float().transpose(1, 2), targets, reduction="none")
        return losses * rows.learned

    def synchronise_gradients(self, enabled: bool) -> None:
        """Sets whether the next backward pass synchronises gradients: once per step is enough."""
        if isinstance(self.module, DistributedDataParallel):
            self.module.require_backward_grad_sync = enabled
        else:
            self.module.set_requires_gradient_sync(enabled)

    def trained_values(self) -> dict[str, torch.Tensor]:
        """The trainable values by name, complete and on the CPU; empty except on the first worker."""
        options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
        return get_model_state_dict(self.module, options=options)

    def save(self, values: dict[str, torch.Tensor], folder: Path) -> None:
        """Saves a PEFT folder, or all weights in model.safetensors under transformers' names."""
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(self.model, PeftModel):
            self.model.save_pretrained(str(folder), state_dict=values)
            return
        tied = self.model.config.tie_word_embeddings
        kept = {name: p.contiguous() for name, p in values.items() if not (tied and name == "lm_head.weight")}
        save_file(kept, folder / "model.safetensors", {"format": "pt"})


def sharded(model: Trained, device: torch.device, half: bool) -> torch.nn.Module:
    """Shards block by block, so that a device never holds more than one full block besides its shard."""
    policy = MixedPrecisionPolicy(torch.bfloat16, torch.float32) if half else MixedPrecisionPolicy()
    mesh = torch.distributed.init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    for part in [*blocks_of(model), model]:
        fully_shard(part, mesh=mesh, mp_policy=policy)
        # Gloo supports only sums.
        part.set_force_sum_reduction_for_comms(device.type == "cpu")
    return model


def mask_of(starts: torch.Tensor) -> torch.Tensor | None:
    """Attention mask [n, 1, length, length]: a query sees the keys before it in its document. None: all before it."""
    if not bool((starts > 0).any()):
        return None
    places = torch.arange(starts.shape[1], device=starts.device)
    causal = places[None, None, :] <= places[None, :, None]
    return (causal & (places[None, None, :] >= starts[:, :, None]))[:, None]

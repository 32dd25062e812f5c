"""Generates test/reference/golden.json: what PyTorch, transformers and PEFT compute, to compare our trainer with.

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install -r test/reference/requirements.txt
    /tmp/golden/bin/python test/reference/golden.py > test/reference/golden.json && npx oxfmt test/reference/golden.json

A small random model in f32 of each architecture, trained by LoRA (PEFT) and in full. For each: the loss and every
gradient of the first batch. For those in STEPPED also every parameter after three steps of AdamW and of LionW, with
clipping, weight decay, a falling learning rate and, in the second step, tokens that are not learned. Names and
layouts are transformers'.
"""

import base64
import json
import sys

import numpy as np
import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model

STEPS, ROWS, LENGTH = 3, 2, 12
RATES = {"adamw": [1e-2, 6e-3, 3e-3], "lionw": [2e-3, 1.2e-3, 6e-4]}
WEIGHT_DECAY = {"adamw": 0.1, "lionw": 1e-3}
CLIP = 0.5
LORA = {"rank": 3, "alpha": 6}
MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
OWN_MODULES = {"starcoder2": ["q_proj", "k_proj", "v_proj", "o_proj", "c_fc", "c_proj"]}
CLASSES = {
    "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
    "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM),
    "granite": (transformers.GraniteConfig, transformers.GraniteForCausalLM),
    "smollm3": (transformers.SmolLM3Config, transformers.SmolLM3ForCausalLM),
    "gemma3": (transformers.Gemma3TextConfig, transformers.Gemma3ForCausalLM),
    "starcoder2": (transformers.Starcoder2Config, transformers.Starcoder2ForCausalLM),
    "qwen3": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM),
}
STEPPED = ["llama", "qwen2"]

MODELS = {
    "llama": {
        "hidden_size": 24,
        "intermediate_size": 28,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 37,
        "max_position_embeddings": 64,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": False,
    },
    "qwen2": {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "vocab_size": 41,
        "max_position_embeddings": 64,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": True,
    },
}
SMALL = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 41,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": True,
}
MODELS["granite"] = {
    **SMALL,
    "embedding_multiplier": 3.0,
    "residual_multiplier": 0.4,
    "attention_multiplier": 0.3,
    "logits_scaling": 2.5,
}
MODELS["smollm3"] = {**SMALL, "num_hidden_layers": 4, "pad_token_id": None}
MODELS["gemma3"] = {
    **SMALL,
    "num_hidden_layers": 3,
    "head_dim": 8,
    "query_pre_attn_scalar": 8,
    "sliding_window": 5,
    "sliding_window_pattern": 3,
    "pad_token_id": None,
}
MODELS["starcoder2"] = {**SMALL, "norm_epsilon": 1e-5, "pad_token_id": None}
MODELS["qwen3"] = {**SMALL, "head_dim": 8}
THETA = {"llama": 10_000.0, "qwen2": 1_000_000.0, "qwen3": 1_000_000.0, "granite": 10_000.0, "smollm3": 10_000.0, "gemma3": 1_000_000.0, "starcoder2": 10_000.0}
# For layers with a window.
NEAR_THETA = 10_000.0
RSLORA = {"qwen2"}
ROPE_SCALINGS = {
    "linear": {"rope_type": "linear", "factor": 4.0},
    "llama3": {
        "rope_type": "llama3",
        "factor": 32.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16,
    },
}


class DecoupledLionW(torch.optim.Optimizer):
    """LionW as in MosaicML's llm-foundry, which the paper used: decay depends only on lr / initial lr."""

    def __init__(self, parameters, lr, betas=(0.9, 0.95), weight_decay=0.0):
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})
        for group in self.param_groups:
            group["initial_lr"] = lr

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
                p.mul_(1 - group["lr"] / group["initial_lr"] * group["weight_decay"])
                p.sub_(group["lr"] * torch.sign(beta1 * momentum + (1 - beta1) * p.grad))
                momentum.mul_(beta2).add_((1 - beta2) * p.grad)


def build(kind, scaling=None):
    """The same weights at every call. Not PyTorch's own initialisation, so that gains, biases and logits matter."""
    config, model = CLASSES[kind]
    rope = {"rope_type": "default", **(scaling or {}), "rope_theta": THETA[kind]}
    if kind == "gemma3":
        rope = {"full_attention": rope, "sliding_attention": {**rope, "rope_theta": NEAR_THETA}}
    built = model(config(**MODELS[kind], rope_parameters=rope, attn_implementation="eager")).float()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, p in built.named_parameters():
            values = torch.randn(p.shape, generator=generator)
            if name.endswith("norm.weight"):
                p.copy_(1 + 0.2 * values)
            elif name.endswith("bias"):
                p.copy_(0.5 * values)
            else:
                p.copy_(values * (0.5 if "embed_tokens" in name else p.shape[1] ** -0.5))
    return built


def adapt(kind):
    model = build(kind)
    config = LoraConfig(
        r=LORA["rank"],
        lora_alpha=LORA["alpha"],
        lora_dropout=0.0,
        target_modules=OWN_MODULES.get(kind, MODULES),
        init_lora_weights="gaussian",
        use_rslora=kind in RSLORA,
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(11)
    adapted = get_peft_model(model, config)
    with torch.no_grad():
        for name, p in adapted.named_parameters():
            # B = 0, as in PEFT's initialisation, would leave A without a gradient.
            if "lora_B" in name:
                p.copy_(0.1 * torch.randn(p.shape))
    return adapted


def batches(vocabulary):
    generator = torch.Generator().manual_seed(5)
    made = []
    for step in range(STEPS):
        tokens = torch.randint(vocabulary, (ROWS, LENGTH + 1), generator=generator)
        learned = torch.ones_like(tokens, dtype=torch.bool)
        if step == 1:
            learned[:, 4:7] = False
        made.append((tokens, torch.where(learned, tokens, -100)))
    return made


def trained(model):
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def run(make, optimizer, data):
    model = make().train()
    parameters = trained(model)
    rates = RATES[optimizer]
    rule = {"adamw": torch.optim.AdamW, "lionw": DecoupledLionW}[optimizer]
    stepper = rule(list(parameters.values()), lr=rates[0], weight_decay=WEIGHT_DECAY[optimizer])
    losses, norms, gradients = [], [], {}
    for rate, (tokens, labels) in zip(rates, data, strict=True):
        loss = model(input_ids=tokens, labels=labels).loss
        stepper.zero_grad()
        loss.backward()
        gradients = gradients or {name: p.grad.clone() for name, p in parameters.items()}
        norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), CLIP).item())
        assert norms[-1] > CLIP
        for group in stepper.param_groups:
            group["lr"] = rate
        stepper.step()
        losses.append(loss.item())
    return {"losses": losses, "norms": norms, "gradients": gradients, "after": parameters}


def pack(tensors):
    """Little-endian f32 in base64, in the order of the names, and their shapes."""
    arrays = {name: np.ascontiguousarray(t.detach().numpy(), "<f4") for name, t in tensors.items()}
    data = b"".join(array.tobytes() for array in arrays.values())
    return {"shapes": {name: array.shape for name, array in arrays.items()}, "data": base64.b64encode(data).decode()}


def values(tensors):
    return pack(tensors)["data"]


def cases(kind, data):
    makers = {"lora": lambda: adapt(kind), "full": lambda: build(kind)}
    made = {}
    for method, make in makers.items():
        runs = {optimizer: run(make, optimizer, data) for optimizer in RATES if kind in STEPPED or optimizer == "adamw"}
        made[method] = {
            "before": pack(trained(make())),
            "loss": runs["adamw"]["losses"][0],
            "gradients": values(runs["adamw"]["gradients"]),
            **{
                optimizer: {"losses": r["losses"], "norms": r["norms"], "after": values(r["after"])}
                for optimizer, r in runs.items()
                if kind in STEPPED
            },
        }
    return made


def token_losses(model, tokens):
    logits = model.eval()(input_ids=tokens).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none").flatten()


def scaled_gradients(scaling, tokens, labels):
    """Those of q and k, to which RoPE is applied."""
    model = build("llama", scaling).train()
    model(input_ids=tokens, labels=labels).loss.backward()
    return pack({name: p.grad for name, p in model.named_parameters() if "q_proj" in name or "k_proj" in name})


def golden(kind):
    data = batches(MODELS[kind]["vocab_size"])
    return {
        "config": {**MODELS[kind], "rope_theta": THETA[kind]},
        "rankStabilised": kind in RSLORA,
        "batches": [
            {"tokens": tokens.flatten().tolist(), "learned": (labels[:, 1:] >= 0).int().flatten().tolist()}
            for tokens, labels in data
        ],
        "cases": cases(kind, data),
        "ropeScalings": [
            {
                **scaling,
                "tokenLosses": token_losses(build(kind, scaling), data[0][0][:1]).tolist(),
                "gradients": scaled_gradients(scaling, *data[0]),
            }
            for scaling in (ROPE_SCALINGS.values() if kind == "llama" else [])
        ],
    }


json.dump(
    {
        "versions": {m.__name__: m.__version__ for m in (torch, transformers, peft)},
        "rows": ROWS,
        "length": LENGTH,
        "rates": RATES,
        "weightDecay": WEIGHT_DECAY,
        "clip": CLIP,
        "lora": LORA,
        "models": {kind: golden(kind) for kind in MODELS},
    },
    sys.stdout,
)

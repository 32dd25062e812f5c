"""Generates test/reference/peft-adapters.json: adapters as the PEFT library saves them, and what the library computes with them.

    /tmp/golden/bin/python test/reference/peft_adapters.py > test/reference/peft-adapters.json && npx oxfmt test/reference/peft-adapters.json

(The environment is golden.py's.) The bases are small random Llama and Qwen2 models in f32. Their weights are not stored
but made from a number and the tensor's name, in the same way by test/support/peft-fixture.ts.
"""

import base64
import json
import pathlib
import sys
import tempfile

import numpy as np
import torch
import transformers
from peft import LoraConfig, get_peft_model

MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SHAPE = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 384, "max_position_embeddings": 256}
BASES = {
    "llama": dict(SHAPE, rms_norm_eps=1e-5, rope_theta=10_000.0, tie_word_embeddings=False),
    "qwen2": dict(SHAPE, rms_norm_eps=1e-6, rope_theta=1_000_000.0, tie_word_embeddings=True),
}
ADAPTERS = {
    "all linears": ("llama", dict(r=4, lora_alpha=8, target_modules=MODULES)),
    "qwen2, rank-stabilised": ("qwen2", dict(r=3, lora_alpha=5, target_modules=MODULES, use_rslora=True)),
    "attention of one layer": ("llama", dict(r=2, lora_alpha=3, target_modules=["q_proj", "k_proj"], layers_to_transform=[1])),
    "ranks and alphas of their own": (
        "llama",
        dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"], rank_pattern={"v_proj": 2}, alpha_pattern={"model.layers.0.self_attn.q_proj": 20}),
    ),
}


def made(name, shape, spread, centre=0.0):
    """Numbers that depend on the name: a linear congruential generator, seeded by FNV-1a."""
    state = 2166136261
    for byte in name.encode():
        state = ((state ^ byte) * 16777619) % 2**32
    values = np.empty(int(np.prod(shape)), np.float64)
    for i in range(values.size):
        state = (state * 1664525 + 1013904223) % 2**32
        values[i] = centre + spread * (state / 2**31 - 1)
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def base_of(kind):
    configs = {"llama": transformers.LlamaConfig, "qwen2": transformers.Qwen2Config}
    classes = {"llama": transformers.LlamaForCausalLM, "qwen2": transformers.Qwen2ForCausalLM}
    settings = dict(BASES[kind])
    theta = settings.pop("rope_theta")
    model = classes[kind](configs[kind](**settings, rope_parameters={"rope_type": "default", "rope_theta": theta}, attn_implementation="eager"))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            gain = name.endswith("norm.weight")
            spread = 0.3 if gain or name.endswith("bias") else 1.0 if "embed" in name else (3.0 / parameter.shape[1]) ** 0.5
            parameter.copy_(made(name, tuple(parameter.shape), spread, 1.0 if gain else 0.0))
    return model.float().eval()


def text(array):
    return base64.b64encode(array).decode()


tokens = [(7 * i * i + 3 * i + 1) % 250 for i in range(12)]
cases = {}
for title, (kind, lora) in ADAPTERS.items():
    model = get_peft_model(base_of(kind), LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.1, **lora))
    model.peft_config["default"].base_model_name_or_path = f"tiny/{kind}"
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(made(name, tuple(parameter.shape), 0.4))
        model.eval()
        logits = model(torch.tensor([tokens])).logits[0].numpy()
        with model.disable_adapter():
            base_logits = model(torch.tensor([tokens])).logits[0].numpy()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        saved = pathlib.Path(folder)
        config = json.loads((saved / "adapter_config.json").read_text())
        config["target_modules"].sort()
        weights = (saved / "adapter_model.safetensors").read_bytes()
    cases[title] = {
        "architecture": kind,
        "change": float(np.abs(logits - base_logits).max()),
        "config": config,
        "weights": text(weights),
        "logits": text(logits.astype("<f4").tobytes()),
    }
json.dump({"bases": BASES, "tokens": tokens, "cases": cases}, sys.stdout, indent=1)
print()

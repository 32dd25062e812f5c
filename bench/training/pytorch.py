"""PyTorch + PEFT's side of bench:training.

Takes a JSON job (see job.ts) as its argument and prints the measurement as one
line of JSON. The model is a transformers LlamaForCausalLM or Qwen2ForCausalLM of
the job's shape with random weights, wrapped by PEFT as its users do.
"""

import json
import os
import resource
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

MODELS = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
}
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def build_model(job):
    """The base in the job's precision; PEFT keeps the LoRA matrices in f32."""
    shape = job["shape"]
    config_class, model_class = MODELS[shape["architecture"]]
    config = config_class(
        vocab_size=shape["vocabularySize"],
        hidden_size=shape["hiddenSize"],
        intermediate_size=shape["feedForwardSize"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["kvHeads"],
        max_position_embeddings=shape["contextLength"],
        rope_parameters={"rope_type": "default", "rope_theta": shape["ropeTheta"]},
        rms_norm_eps=shape["normEpsilon"],
        tie_word_embeddings=True,
        use_cache=False,
        attn_implementation="sdpa",
    )
    torch.set_default_dtype(DTYPES[job["precision"]])
    base = model_class(config)
    torch.set_default_dtype(torch.float32)
    lora = job["lora"]
    return get_peft_model(
        base,
        LoraConfig(
            task_type="CAUSAL_LM",
            r=lora["rank"],
            lora_alpha=lora["alpha"],
            lora_dropout=lora["dropout"],
            target_modules="all-linear",
        ),
    )


def peak_bytes():
    """Largest resident set of this process (macOS counts bytes, Linux KiB)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def measure(job):
    torch.manual_seed(job["seed"])
    torch.set_num_threads(job["threads"])
    model = build_model(job)
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=job["learningRate"], weight_decay=0.0)
    size = (job["batch"], job["sequence"])
    steps = []
    for _ in range(job["warmupSteps"] + job["steps"]):
        tokens = torch.randint(job["shape"]["vocabularySize"], size)
        wall, cpu = time.perf_counter(), time.process_time()
        loss = model(input_ids=tokens, labels=tokens).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, job["clipNorm"])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        value = loss.item()
        steps.append(
            {
                "wallSeconds": time.perf_counter() - wall,
                "cpuSeconds": time.process_time() - cpu,
                "loss": value,
            }
        )
    return {
        "framework": f"PyTorch {torch.__version__}",
        "trainedParameters": sum(p.numel() for p in trained),
        "steps": steps,
        "peakBytes": peak_bytes(),
        "cpuSeconds": time.process_time(),
    }


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))

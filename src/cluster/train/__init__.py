"""Training that outgrows a machine: PyTorch, PEFT and FSDP under Ray Train.

Our own code (src/training/ray-train) writes what a run takes into a folder, every step's windows of tokens included,
and makes the result from what is left there. Nothing here knows GGUF, corpora or schedules. See docs/ray-train.md.
"""

"""Training that outgrows a machine: PyTorch, PEFT and FSDP under Ray Train.

src/training/ray-train writes the input of a run into a folder, including the token windows of every step, and makes
the result from the output there. Nothing here knows about GGUF, corpora or schedules. See docs/ray-train.md.
"""

"""Rollout engines: transformers' own generation (`local`), or an OpenAI-compatible server (`server`)."""

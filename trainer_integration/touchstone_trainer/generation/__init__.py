"""Sampling that stops repetition early: in transformers (`stopping`) and at a model server (`streaming`)."""

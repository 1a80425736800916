"""A small complete GRPO trainer on the package's own functions: one machine, one or several processes."""

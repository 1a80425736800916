"""Ways to ask a judge, one module each: asks, reads, combines. Registered in `grm/judge.py`."""

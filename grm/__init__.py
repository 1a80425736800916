"""Everything around a model that judges: backends, prompts, readings. No framework, no cache, no verifier."""

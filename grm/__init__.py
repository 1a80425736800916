"""Everything around a model that judges: backends, prompts, readings. No service framework, no cache, no verifier."""

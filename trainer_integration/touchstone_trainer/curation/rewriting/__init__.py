"""Multiple-choice and true/false questions into open ones, so that a guess earns nothing.

    row --kind_of--> open | choice | claim --> a Draft, or why there is none --> checks on the text --> the service

Deterministic first; what the rules leave over goes to a model where there is one, under the same checks.
"""

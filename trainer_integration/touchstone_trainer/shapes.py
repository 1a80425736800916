"""The tensors that the functions of this package take and give, by shape.

B sequences (responses), T response positions (padded on either side), K groups (prompts), V tokens of the vocabulary.
Checked in tests (`jaxtyping` with `beartype`); without them they cost nothing and check nothing.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

Values = Float[Tensor, "*shape"]
Flags = Bool[Tensor, "*shape"]
Scalar = Float[Tensor, ""]
Count = Int[Tensor, ""]

Tokens = Float[Tensor, "b t"]
"""One number a token: log-probabilities in nats, ratios, losses."""
Mask = Bool[Tensor, "b t"]
"""True for the tokens that count; what lies under False may be anything, NaN too."""
TokenIds = Int[Tensor, "b t"]
Rows = Float[Tensor, " b"]
"""One number a sequence: rewards, advantages."""
RowFlags = Bool[Tensor, " b"]
RowIds = Int[Tensor, " b"]
RowRewards = Float[Tensor, "b rewards"]
"""Several rewards a sequence."""
Logits = Float[Tensor, "b t v"]

Groups = Float[Tensor, " k"]
GroupFlags = Bool[Tensor, " k"]
GroupIds = Int[Tensor, " k"]

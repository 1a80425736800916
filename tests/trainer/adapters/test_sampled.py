"""Log-probabilities noted while transformers generates."""

import pytest
import torch

transformers = pytest.importorskip("transformers")

from touchstone_trainer.generation.sampled import SampledLogprobs  # noqa: E402

END, PAD = 1, 0


@pytest.mark.parametrize("steps", [1, 12])
def test_noted_log_probabilities_are_those_of_a_forward_pass(steps: int) -> None:
    """At the temperature of sampling, up to and with the token that ended a row; top-k does not change them."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.Qwen2Config(vocab_size=6, num_key_value_heads=1, pad_token_id=PAD, eos_token_id=END, **sizes)
    model = transformers.Qwen2ForCausalLM(config).eval()
    prompt = torch.tensor([[2, 3], [4, 5], [3, 3], [5, 2]])
    sampled = SampledLogprobs(temperature=0.7)
    written = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=True,
        temperature=0.7,
        top_k=4,
        max_new_tokens=steps,
        logits_processor=[sampled],
    )
    new = [row.tolist() for row in written[:, 2:]]
    rows = [row[: row.index(END) + 1] if END in row else row for row in new]
    with torch.no_grad():
        every = (model(written).logits[:, 1:-1] / 0.7).log_softmax(-1).gather(-1, written[:, 2:, None]).squeeze(-1)
    noted = sampled.rows(rows)
    assert [len(row) for row in noted] == [len(row) for row in rows]
    for expected, row in zip(every, noted, strict=True):
        assert row == pytest.approx(expected[: len(row)].tolist(), abs=1e-5)

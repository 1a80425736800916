"""Writes a tiny chat model, run by the vLLM environment's Python: `python make_model.py FOLDER`.

Two layers, 64 wide, random weights trained for a few seconds to begin its turn with Yes or No, so that the
label has mass to read. It knows nothing else: what it answers means nothing, and no test may rest on it.
"""

import random
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SEED = 7
STEPS = 120
WIDTH = 64
TURN_TOKENS = 48
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LINES = [
    "Yes No yes no Does the candidate answer state the same result as the reference answer?",
    "Reply with one word, Yes or No. Question: Reference answer: Candidate answer:",
    "system user assistant 0 1 2 3 4 5 6 7 8 9 \\frac{1}{2} \\boxed{x} = + - * / ( ) [ ] { }",
]


def make_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=512, special_tokens=specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(LINES * 50, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token="<|endoftext|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT_TEMPLATE,
    )


def make_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=2,
        # 32 wide heads: vLLM's CPU attention has no kernel for narrower ones.
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    teach_first_word(model, tokenizer)
    return model


def teach_first_word(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """After any text and the opening of its turn, say Yes three times in four, else No."""
    opening = tokenizer.encode("<|im_end|>\n<|im_start|>assistant\n", add_special_tokens=False)
    yes, no = (tokenizer.encode(word, add_special_tokens=False) for word in ("Yes", "No"))
    assert len(yes) == len(no) == 1, "Yes and No must be one token each"
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(STEPS):
        noise = torch.randint(3, len(tokenizer), (16, TURN_TOKENS))
        inputs = torch.cat([noise, torch.tensor([opening] * 16)], dim=1)
        wanted = torch.tensor([random.choice((yes[0], yes[0], yes[0], no[0])) for _ in range(16)])
        loss = torch.nn.functional.cross_entropy(model(inputs).logits[:, -1], wanted)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()


def main(folder: Path) -> None:
    torch.manual_seed(SEED)
    random.seed(SEED)
    torch.set_num_threads(1)
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

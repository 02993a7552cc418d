"""Make a tiny LLaVA with random weights: ``python tiny_llava.py FOLDER``, in the environment of requirements.txt.

It takes text and images like any vision-language model and answers nonsense, the same every time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import (
    CLIPImageProcessorPil,
    GenerationConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

SEED = 0
IMAGE_SIDE, PATCH_SIDE = 64, 8
IMAGE_TOKENS = (IMAGE_SIDE // PATCH_SIDE) ** 2
ENDING_SHARE = 8
"""One token in this many ends a reply, so that replies of a dozen tokens end by themselves or are cut off."""

PAD, END, IMAGE = "<|endoftext|>", "<|im_end|>", "<image>"
WORDS = ["what is in this image and which of the task types in the list does it suit best"]

CHAT_TEMPLATE = """\
{% for message in messages %}
<|im_start|>{{ message["role"] }}
{% for part in message["content"] %}
{% if part["type"] == "image" %}
<image>
{% else %}
{{ part["text"] }}
{% endif %}
{% endfor %}
<|im_end|>
{% endfor %}
{% if add_generation_prompt %}
<|im_start|>assistant
{% endif %}
"""


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Bytes, and what a few words give."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=400,
        special_tokens=[PAD, "<|im_start|>", END, IMAGE],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(WORDS * 3, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, extra_special_tokens={"image_token": IMAGE}
    )


def make_processor(tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    return LlavaProcessor(
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": IMAGE_SIDE}, crop_size={"height": IMAGE_SIDE, "width": IMAGE_SIDE}
        ),
        tokenizer=tokenizer,
        patch_size=PATCH_SIDE,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT_TEMPLATE,
    )


def make_model(tokenizer: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    size = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4}
    model = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config={
                **size,
                "model_type": "clip_vision_model",
                "num_hidden_layers": 3,
                "projection_dim": 64,
                "image_size": IMAGE_SIDE,
                "patch_size": PATCH_SIDE,
            },
            text_config={
                **size,
                "model_type": "llama",
                "num_hidden_layers": 2,
                "num_key_value_heads": 2,
                "vocab_size": len(tokenizer),
                "max_position_embeddings": 8192,
            },
            image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
            image_seq_length=IMAGE_TOKENS,
        )
    )
    model.generation_config = GenerationConfig(
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=[tokenizer.eos_token_id, *range(ENDING_SHARE, len(tokenizer), ENDING_SHARE)],
        # Without these digits, no reply is a vote by chance.
        suppress_tokens=[number for token, number in tokenizer.get_vocab().items() if {"0", "1"} & set(token)],
    )
    return model


def main(folder: Path) -> None:
    torch.manual_seed(SEED)
    tokenizer = make_tokenizer()
    make_model(tokenizer).save_pretrained(folder)
    make_processor(tokenizer).save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

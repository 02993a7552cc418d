"""Vision-language models with random weights, of families that transformers has classes for, saved as real ones are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.decoders import Metaspace as MetaspaceDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Metaspace
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer

from taskgalaxy.torchvision_import import prepare_torchvision

prepare_torchvision()

import transformers  # noqa: E402

ROOT = Path(__file__).parents[1]
PAD, START, END, BEGINNING = "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<s>"
PATCH_SIDE = 14
_CORPUS = [(ROOT / "config" / "prompts" / "referee.txt").read_text(encoding="utf-8")] * 3


@dataclass(frozen=True)
class Size:
    """How large a model is; its vocabulary is the tokenizer's if it is not told.

    ``spread`` is the standard deviation of the weights: the larger, the more a small model's scores differ.
    """

    hidden: int = 64
    layers: int = 3
    heads: int = 4
    kv_heads: int = 2
    intermediate: int = 128
    vision_hidden: int = 32
    vision_layers: int = 2
    vision_heads: int = 2
    vision_intermediate: int = 64
    tile_side: int = 4 * PATCH_SIDE
    most_tiles: int = 4
    most_pixels: int = 16 * (2 * PATCH_SIDE) ** 2
    vocabulary: int | None = None
    spread: float = 0.2


def save(family: str, folder: Path, seed: int = 0) -> Path:
    """A tiny checkpoint of ``family``, a key of ``FAMILIES``; ``folder`` itself."""
    config, processor = FAMILIES[family](Size())
    torch.manual_seed(seed)
    transformers.AutoModelForImageTextToText.from_config(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _tokenizer(special: Mapping[str, str], others: tuple[str, ...] = ()) -> Any:
    """A byte-level BPE; ``special`` tokens by the names that the family's processor knows them by."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=1000,
        special_tokens=[PAD, START, END, *special.values(), *others],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_CORPUS, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, extra_special_tokens=dict(special)
    )


def _llama_tokenizer() -> Any:
    """As Llama's: a space is a part of the word after it, and every text begins with a token of its own."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = Metaspace()
    tokenizer.decoder = MetaspaceDecoder()
    trainer = BpeTrainer(vocab_size=600, special_tokens=[PAD, BEGINNING, END, "<image>"], show_progress=False)
    tokenizer.train_from_iterator([*_CORPUS, "0 1 0 1"], trainer)
    tokenizer.post_processor = TemplateProcessing(
        single=f"{BEGINNING} $A", special_tokens=[(BEGINNING, tokenizer.token_to_id(BEGINNING))]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BEGINNING,
        eos_token=END,
        extra_special_tokens={"image_token": "<image>"},
    )


def _template(image: str) -> str:
    return (
        "{% for message in messages %}"
        + START
        + "{{ message['role'] }}\n"
        + "{% for part in message['content'] %}"
        + "{% if part['type'] == 'image' %}"
        + image
        + "\n{% else %}{{ part['text'] }}{% endif %}{% endfor %}"
        + END
        + "\n{% endfor %}{% if add_generation_prompt %}"
        + START
        + "assistant\n{% if thinking is defined and not thinking %}<think></think>{% endif %}{% endif %}"
    )


def _text_config(size: Size, tokenizer: Any, **more: Any) -> dict[str, Any]:
    return {
        "vocab_size": size.vocabulary or len(tokenizer),
        "hidden_size": size.hidden,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "intermediate_size": size.intermediate,
        "max_position_embeddings": 32768,
        "initializer_range": size.spread,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        **more,
    }


def _internvl(size: Size) -> tuple[Any, Any]:
    special = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    tokenizer = _tokenizer(special)
    tokens_per_tile = (size.tile_side // PATCH_SIDE // 2) ** 2
    processor = transformers.InternVLProcessor(
        image_processor=transformers.GotOcr2ImageProcessorPil(
            size={"height": size.tile_side, "width": size.tile_side}, crop_to_patches=True, max_patches=size.most_tiles
        ),
        tokenizer=tokenizer,
        video_processor=transformers.InternVLVideoProcessor(),
        image_seq_length=tokens_per_tile,
        chat_template=_template("<IMG_CONTEXT>"),
    )
    config = transformers.InternVLConfig(
        vision_config={
            "hidden_size": size.vision_hidden,
            "num_hidden_layers": size.vision_layers,
            "num_attention_heads": size.vision_heads,
            "intermediate_size": size.vision_intermediate,
            "image_size": [size.tile_side, size.tile_side],
            "patch_size": [PATCH_SIDE, PATCH_SIDE],
            "initializer_range": size.spread,
        },
        text_config=_text_config(size, tokenizer, model_type="qwen2"),
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=tokens_per_tile,
        tie_word_embeddings=False,
    )
    return config, processor


def _glm(size: Size, version: str) -> tuple[Any, Any]:
    """GLM-4.1V (``"Glm4v"``) and GLM-4.6V (``"Glm46V"``) differ in their classes alone."""
    special = {"image_token": "<|image|>", "video_token": "<|video|>"}
    marks = ("<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>", "<|end_of_video|>")
    tokenizer = _tokenizer(special, marks)
    processor = getattr(transformers, f"{version}Processor")(
        image_processor=getattr(transformers, f"{version}ImageProcessorPil")(
            size={
                "shortest_edge": 4 * (2 * PATCH_SIDE) ** 2,
                "longest_edge": 2 * size.most_pixels,
            },  # counts two frames
            patch_size=PATCH_SIDE,
        ),
        tokenizer=tokenizer,
        video_processor=getattr(transformers, f"{version}VideoProcessor")(),
        chat_template=_template(f"{marks[0]}{special['image_token']}{marks[1]}"),
    )
    head = size.hidden // size.heads
    sections = [head // 16, head // 4 - head // 16 - head // 8, head // 8]
    rope = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5, "mrope_section": sections}
    ids = dict(zip(("image_start", "image_end", "video_start", "video_end"), marks, strict=True))
    config = getattr(transformers, f"{version}Config")(
        vision_config={
            "model_type": "glm4v_vision",
            "depth": size.vision_layers,
            "hidden_size": size.vision_hidden,
            "num_heads": size.vision_heads,
            "intermediate_size": size.vision_intermediate,
            "out_hidden_size": size.hidden,
            "image_size": size.tile_side,
            "patch_size": PATCH_SIDE,
            "initializer_range": size.spread,
        },
        text_config=_text_config(size, tokenizer, model_type="glm4v_text", rope_parameters=rope),
        **{f"{name}_token_id": tokenizer.convert_tokens_to_ids(token) for name, token in ids.items()},
        image_token_id=tokenizer.image_token_id,
        video_token_id=tokenizer.video_token_id,
        tie_word_embeddings=False,
    )
    return config, processor


def _qwen2_vl(size: Size) -> tuple[Any, Any]:
    special = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"}
    marks = ("<|vision_start|>", "<|vision_end|>")
    tokenizer = _tokenizer(special, marks)
    processor = transformers.Qwen2VLProcessor(
        image_processor=transformers.Qwen2VLImageProcessorPil(
            min_pixels=4 * (2 * PATCH_SIDE) ** 2, max_pixels=size.most_pixels, patch_size=PATCH_SIDE
        ),
        tokenizer=tokenizer,
        video_processor=transformers.Qwen2VLVideoProcessor(),
        chat_template=_template(f"{marks[0]}{special['image_token']}{marks[1]}"),
    )
    head = size.hidden // size.heads
    sections = [head // 8, head // 4 - head // 8, head // 4]
    config = transformers.Qwen2VLConfig(
        vision_config={
            "depth": size.vision_layers,
            "embed_dim": size.vision_hidden,
            "num_heads": size.vision_heads,
            "hidden_size": size.hidden,
            "patch_size": PATCH_SIDE,
            "initializer_range": size.spread,
        },
        text_config=_text_config(
            size,
            tokenizer,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "mrope_section": sections},
        ),
        image_token_id=tokenizer.image_token_id,
        video_token_id=tokenizer.video_token_id,
        vision_start_token_id=tokenizer.convert_tokens_to_ids(marks[0]),
        vision_end_token_id=tokenizer.convert_tokens_to_ids(marks[1]),
        tie_word_embeddings=False,
    )
    return config, processor


def _llava(size: Size) -> tuple[Any, Any]:
    tokenizer = _llama_tokenizer()
    side = {"height": size.tile_side, "width": size.tile_side}
    processor = transformers.LlavaProcessor(
        image_processor=transformers.CLIPImageProcessorPil(size={"shortest_edge": size.tile_side}, crop_size=side),
        tokenizer=tokenizer,
        patch_size=PATCH_SIDE,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=(
            "{% for message in messages %}USER: {% for part in message['content'] %}"
            "{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}"
            "{% if add_generation_prompt %} ASSISTANT:{% endif %}"
        ),
    )
    config = transformers.LlavaConfig(
        vision_config={
            "model_type": "clip_vision_model",
            "hidden_size": size.vision_hidden,
            "num_hidden_layers": size.vision_layers + 1,  # features are those of the last layer but one
            "num_attention_heads": size.vision_heads,
            "intermediate_size": size.vision_intermediate,
            "image_size": size.tile_side,
            "patch_size": PATCH_SIDE,
            "initializer_range": size.spread,
        },
        text_config=_text_config(size, tokenizer, model_type="llama"),
        image_token_index=tokenizer.image_token_id,
        image_seq_length=(size.tile_side // PATCH_SIDE) ** 2,
        tie_word_embeddings=False,
    )
    return config, processor


FAMILIES: Mapping[str, Callable[[Size], tuple[Any, Any]]] = {
    "internvl": _internvl,
    "glm4v": lambda size: _glm(size, "Glm4v"),
    "glm46v": lambda size: _glm(size, "Glm46V"),
    "qwen2_vl": _qwen2_vl,
    "llava": _llava,
}
"""Configuration and processor of a size. LLaVA's tokenizer is SentencePiece's kind, the others' are byte-level BPE."""

"""What requests cost, and how many tokens they are likely to have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskgalaxy.llm.prices import TYPICAL_IMAGE_TOKENS, image_tokens, text_tokens, usd
from taskgalaxy.llm.settings import Prices

PRICES = Prices(2.0, 8.0, "2026-01-01")
CACHED = Prices(2.0, 8.0, "2026-01-01", cached_input=0.5)


def test_prompt_and_completion_have_their_own_prices_per_million_tokens() -> None:
    assert usd(PRICES, {"prompt_tokens": 1_000_000, "completion_tokens": 500_000}) == pytest.approx(2 + 4)
    assert usd(PRICES, {"prompt_tokens": 3}) == pytest.approx(6e-6)
    assert usd(PRICES, {}) == 0


def test_cached_tokens_have_their_price_and_are_a_part_of_the_prompt() -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "cached_tokens": 400}
    assert usd(CACHED, usage) == pytest.approx((600 * 2 + 400 * 0.5 + 100 * 8) / 1e6)


def test_cached_tokens_without_a_price_cost_as_much_as_others() -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    assert usd(PRICES, {**usage, "cached_tokens": 400}) == usd(PRICES, usage)


def test_cached_tokens_may_be_free() -> None:
    free = Prices(2.0, 8.0, "2026-01-01", cached_input=0.0)
    assert usd(free, {"prompt_tokens": 1000, "cached_tokens": 1000}) == 0


def test_no_more_tokens_are_cached_than_the_prompt_has() -> None:
    assert usd(CACHED, {"prompt_tokens": 10, "cached_tokens": 1000}) == pytest.approx(10 * 0.5 / 1e6)


def test_a_batch_costs_its_part_of_what_an_online_request_costs() -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "cached_tokens": 400}
    assert usd(CACHED, usage, batch=True) == pytest.approx(usd(CACHED, usage) / 2)
    dearer = Prices(2.0, 8.0, "2026-01-01", batch_factor=0.75)
    assert usd(dearer, usage, batch=True) == pytest.approx(usd(dearer, usage) * 0.75)


@given(st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens", "cached_tokens"]), st.integers(0, 10**9)))
def test_a_cached_token_is_never_dearer_and_nothing_costs_less_than_nothing(usage: dict[str, int]) -> None:
    assert 0 <= usd(CACHED, usage) <= usd(PRICES, usage) + 1e-9


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [
        # The examples that OpenAI gives for gpt-4o, then what follows from its rule.
        *((1024, 1024, 765), (2048, 4096, 1105)),
        *((512, 512, 255), (513, 512, 425), (1, 1, 255), (768, 768, 765), (768, 1536, 1105), (1536, 768, 1105)),
        *((8192, 8192, 765), (4096, 2048, 1105), (2048, 512, 765), (10_000, 10, 765)),
    ],
)
def test_an_image_has_as_many_tokens_as_openai_counts(width: int, height: int, tokens: int) -> None:
    assert image_tokens(width, height) == tokens
    assert image_tokens(width, height, detail="high") == tokens
    assert image_tokens(width, height, detail="low") == 85


@given(side=st.integers(768, 20_000))
def test_an_image_twice_as_long_as_wide_has_six_tiles_whatever_its_size(side: int) -> None:
    assert image_tokens(side, 2 * side) == image_tokens(2 * side, side) == 85 + 6 * 170


@given(width=st.integers(1, 20_000), height=st.integers(1, 20_000))
def test_an_image_has_between_one_tile_and_eight(width: int, height: int) -> None:
    tiles = (image_tokens(width, height) - 85) / 170
    assert tiles in range(1, 9)


@pytest.mark.parametrize(
    ("max_side", "tokens"), [(512, 85 + 170), (768, 85 + 2 * 170), (1024, 85 + 2 * 170), (5000, 1105), (None, 1105)]
)
def test_an_image_that_is_scaled_down_before_it_is_sent_has_fewer_tokens(max_side: int | None, tokens: int) -> None:
    assert image_tokens(2048, 4096, max_side) == tokens


@given(longer=st.integers(1536, 10_000), shorter=st.integers(1, 767))
def test_an_image_that_was_scaled_to_whole_tiles_has_no_tile_more(longer: int, shorter: int) -> None:
    assert image_tokens(longer, shorter, 1536) <= 85 + 6 * 170


def test_the_image_whose_size_is_not_at_hand_is_a_square_of_1024() -> None:
    assert image_tokens(1024, 1024) == TYPICAL_IMAGE_TOKENS


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("four", 1), ("fives", 2), ("x" * 400, 100)])
def test_a_text_has_a_token_for_about_four_characters(text: str, tokens: int) -> None:
    assert text_tokens(text) == tokens

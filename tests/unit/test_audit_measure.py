"""What the audit says of the referees, by what people said."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

import audits
from taskgalaxy.audit.draw import Draw
from taskgalaxy.audit.intervals import wilson
from taskgalaxy.audit.judgements import Judge, Judgement
from taskgalaxy.audit.measure import Audit, measure_audit
from taskgalaxy.audit.table import format_audit

Said = Mapping[str, tuple[str | None, str | None]]
GOOD, BAD, WRONG, UNSURE = ("yes", "yes"), ("no", None), ("yes", "no"), ("unsure", None)


def judge(name: str, said: Said) -> Judge:
    return Judge(name, {key: Judgement(suits, right, "", False) for key, (suits, right) in said.items()})  # type: ignore[arg-type]


def measure(draw: Draw, *said: Said, sees_answer: bool = False) -> Audit:
    return measure_audit(draw, [judge(f"judge {n}", each) for n, each in enumerate(said)], sees_answer)


def all_of(stratum: int, verdicts: str) -> dict[str, tuple[str | None, str | None]]:
    """Verdicts on the pairs of a stratum: + good, - does not suit, w wrong answer, ? unsure, a dot nothing."""
    meaning = {"+": GOOD, "-": BAD, "w": WRONG, "?": UNSURE}
    return {f"{stratum}-{n}": meaning[verdict] for n, verdict in enumerate(verdicts) if verdict != "."}


def test_strata_count_by_their_pairs_and_not_by_what_was_drawn() -> None:
    draw = audits.made_up([(True, 900, 4), (True, 100, 4), (False, 500, 4)])
    found = measure(draw, {**all_of(0, "++++"), **all_of(1, "+---"), **all_of(2, "+---")})["suits"]
    assert found["precision"] is not None
    assert found["precision"]["value"] == pytest.approx((900 + 25) / 1000)
    assert found["precision"]["n"] == 8
    assert found["false_negatives"] is not None
    assert found["false_negatives"]["value"] == pytest.approx(125 / (125 + 925))
    assert [row["yes"] for row in found["strata"]] == [4, 1, 1]
    assert found["strata"][1]["share"] == {"n": 4, **wilson(1, 4, 100).__dict__}


def test_under_a_proportional_draw_the_estimates_are_the_plain_shares() -> None:
    draw = audits.made_up([(True, 600, 6), (True, 200, 2), (False, 400, 4)])
    found = measure(draw, {**all_of(0, "+++++-"), **all_of(1, "+-"), **all_of(2, "++--")})["suits"]
    assert found["precision"] is not None
    assert found["false_negatives"] is not None
    assert found["precision"]["value"] == pytest.approx(6 / 8)
    assert found["false_negatives"]["value"] == pytest.approx(2 / 8)


def test_an_answer_counts_for_a_good_pair_and_not_for_a_suitable_one() -> None:
    draw = audits.made_up([(True, 100, 4)])
    found = measure(draw, all_of(0, "+ww-"))
    assert found["suits"]["precision"] is not None
    assert found["good"]["precision"] is not None
    assert found["suits"]["precision"]["value"] == 0.75
    assert found["good"]["precision"]["value"] == 0.25
    assert (found["asked"], measure(draw, all_of(0, "+ww-"), sees_answer=True)["asked"]) == ("suits", "good")
    assert [row["accuracy"]["value"] for row in found["referees"] if row["accuracy"]] == [0.75] * 3
    by_answer = measure(draw, all_of(0, "+ww-"), sees_answer=True)
    assert [row["accuracy"]["value"] for row in by_answer["referees"] if row["accuracy"]] == [0.25] * 3


def test_the_majority_of_those_who_decide_counts_and_ties_are_left_out() -> None:
    draw = audits.made_up([(True, 100, 4)])
    found = measure(draw, all_of(0, "++-."), all_of(0, "+-??"), all_of(0, "-?.?"))
    assert [pair["suits"] for pair in found["judged_pairs"]] == [True, None, False, None]
    assert (found["suits"]["judged"], found["suits"]["left_out"]) == (2, 2)


def test_a_pair_whose_answer_nobody_judged_is_left_out_of_the_good_ones_alone() -> None:
    draw = audits.made_up([(True, 100, 3)])
    found = measure(draw, {"0-0": ("yes", None), "0-1": ("yes", "unsure"), "0-2": GOOD})
    assert (found["suits"]["left_out"], found["good"]["left_out"]) == (0, 2)


def test_people_are_compared_with_each_other_where_they_decided() -> None:
    draw = audits.made_up([(True, 100, 4), (False, 100, 2)])
    found = measure(draw, all_of(0, "++--") | all_of(1, "?-"), all_of(0, "+---") | all_of(1, "+."))
    (pair,) = found["people_pairs"]
    assert (pair["pairs"], pair["agreement"]) == (4, 0.75)
    assert pair["cohen_kappa"] == pytest.approx(0.5)
    assert found["people"]["pairs"] == 4


def test_referees_are_compared_with_the_majority_by_the_weights_of_the_strata() -> None:
    draw = audits.made_up([(True, 900, 3), (False, 100, 2)])
    draw["pairs"][0]["votes"]["other"] = 0
    draw["pairs"][1]["votes"]["other"] = None
    found = measure(draw, all_of(0, "++-") | all_of(1, "-+"))
    one, other, vote = found["referees"]
    assert one["accuracy"] is not None
    assert one["accuracy"]["value"] == pytest.approx((900 * 2 / 3 + 50) / 1000)
    assert other["accuracy"] is not None
    assert (other["pairs"], other["accuracy"]["value"]) == (4, pytest.approx(50 / 1000))
    assert vote | {"referee": "one"} == one
    agree = 0.65
    chance = 0.9 * (0.6 + 0.05) + 0.1 * (0.3 + 0.05)
    assert one["cohen_kappa"] == pytest.approx((agree - chance) / (1 - chance))


def test_without_a_judged_pair_of_one_side_that_side_is_not_known() -> None:
    draw = audits.made_up([(True, 100, 2), (False, 50, 2)])
    found = measure(draw, all_of(0, "++"))["suits"]
    assert found["precision"] is not None
    assert found["false_negatives"] is None
    text = format_audit(measure(draw, all_of(0, "++")))
    assert "Nobody judged a pair of: 1." in text
    assert "nan" not in text.lower()


def test_first_levels_weight_their_pairs_and_are_marked_where_few() -> None:
    draw = audits.made_up([(True, 900, 3), (True, 100, 2), (False, 100, 2)])
    for pair in draw["pairs"]:
        pair["level_1"] = "OCR" if pair["sample_id"] in ("0-0", "1-0", "2-0") else "Chart"
    found = measure(draw, all_of(0, "+++") | all_of(1, "-+") | all_of(2, "+-"))
    chart, ocr = found["suits"]["first_levels"]
    assert (chart["level_1"], chart["judged"], ocr["judged"]) == ("Chart", 4, 3)
    assert ocr["precision"] is not None
    assert ocr["precision"]["value"] == pytest.approx(300 / 350)
    assert ocr["false_negatives"] is not None
    assert ocr["false_negatives"]["value"] == pytest.approx(50 / 350)
    assert "(few)" in next(line for line in format_audit(found).splitlines() if line.startswith("OCR"))


def test_the_table_says_how_much_was_judged_and_what_was_left_out() -> None:
    draw = audits.made_up([(True, 100, 4), (False, 20, 2)])
    text = format_audit(measure(draw, all_of(0, "++?.") | all_of(1, "-+"), all_of(0, "+w")))
    assert "5 of 6 pairs judged, by 2 people." in text
    assert "nobody said yes or no: 1 (with the answer: 2)." in text
    assert "they did not see the answer" in text
    assert "judge 0, judge 1" in text


def test_estimates_of_simulated_people_meet_the_truth_on_average() -> None:
    """Of a population whose truth is known, judged without a fault."""
    strata = [(True, 400, 20), (True, 100, 15), (False, 150, 15), (False, 60, 10)]
    truth = [380, 70, 60, 6]
    random = np.random.default_rng(3)
    found = []
    for _ in range(150):
        said: dict[str, tuple[str | None, str | None]] = {}
        for number, ((_, size, drawn), good) in enumerate(zip(strata, truth, strict=True)):
            picked = random.permutation(size)[:drawn] < good
            said |= all_of(number, "".join("+" if yes else "-" for yes in picked))
        of_suits = measure(audits.made_up(strata), said)["suits"]
        assert of_suits["precision"] is not None
        assert of_suits["false_negatives"] is not None
        found.append((of_suits["precision"]["value"], of_suits["false_negatives"]["value"]))
    assert np.mean(found, axis=0) == pytest.approx([450 / 500, 66 / 516], abs=0.01)

"""What every column of the final set means, for the card and for Croissant."""

from __future__ import annotations

from collections.abc import Mapping

COLUMNS: Mapping[str, str] = {
    "sample_id": "the sample, from its content alone: image, task type, question and answer",
    "image_id": "SHA-256 of the image file",
    "source": "where the image comes from",
    "image": "path of the image below the folder of its source",
    "width": "of the image in pixels, as it is seen (after EXIF rotation)",
    "height": "of the image in pixels",
    "license": "licence of the image",
    "task_type": "the task type; ~ separates its levels",
    "level_1": "its first level",
    "question": "the question",
    "answer": "the answer",
    "rank": "the task type's rank among the candidates of the image, from 1",
    "score": "CLIP's cosine of image and task type",
    "filled": "whether it was a candidate because its task type had few samples; its rank then follows the image's own",
    "votes": "one vote per referee",
    "vote_score": "the number of votes that are 1",
    "filter_provider": "who said that the task type fits the image",
    "filter_model": "its model",
    "filter_request": "its question's key in the ledger",
    "qa_provider": "who wrote question and answer",
    "qa_model": "its model",
    "qa_prompt": "SHA-256 of its prompt template",
    "qa_request": "its question's key in the ledger",
    "cot_provider": "who wrote the step-by-step answer, if the answer is one",
    "cot_model": "its model",
    "cot_prompt": "SHA-256 of its prompt template",
    "cot_request": "its question's key in the ledger",
}
"""The columns of ``schemas.DATASET``."""

VOTE_COLUMNS: Mapping[str, str] = {
    "referee": "the referee's name",
    "vote": "1: image, task type and question belong together; 0: they do not; null: no vote",
    "p_yes": "the probability that the model gave 1, where it tells",
    "reason": "why a vote is missing",
    "provider": "who voted",
    "model": "its model",
    "request": "its question's key in the ledger",
}
"""The fields of a vote, ``schemas.VOTE``."""

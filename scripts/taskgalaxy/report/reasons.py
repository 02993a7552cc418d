"""What each stage does and why it turns rows away, in sentences for the people who read the reports."""

from __future__ import annotations

from collections.abc import Mapping

STAGE_SENTENCES: Mapping[str, str] = {
    "expand": "A model was asked for new task types under each known one; every line of its replies is checked.",
    "inspect": "Every file of the sources is decoded in full before anything else is done with it.",
    "duplicates": "Files with the same bytes are asked about once, under their first occurrence.",
    "match": "Each image gets the task types that CLIP places closest to it.",
    "filter": "A model looks at the image and keeps those of its candidates that really fit.",
    "qa": "For every kept task type a model writes one question about the image, and its answer.",
    "referee": "Several referees vote on whether the task type, the question and the image go together.",
    "decontaminate": "Accepted samples are compared with benchmarks, and their images with one another.",
    "balance": "Accepted samples are thinned so that no task type outweighs the others.",
    "cot": "For some samples of the final set a model thinks the answer through, step by step.",
}
"""What happens in a stage of :data:`taskgalaxy.rejects.REASONS`."""

REASON_SENTENCES: Mapping[str, str] = {
    "empty_label": "Nothing was left of the line once bullets, numbers and punctuation were removed.",
    "not_under_parent": "The line names a task type that does not sit under the one that was asked about.",
    "too_deep": "The line has more levels than the level that was being expanded.",
    "too_long": "The label is longer than a task type may be.",
    "known_label": "The task type was already there, apart from upper and lower case.",
    "over_target": "The level had already reached the number of task types set for it.",
    "refused": "The model declined to answer.",
    "content_filter": "The provider's content filter stopped the request or the reply.",
    "reply_truncated": "The reply was cut off at the length limit.",
    "reply_empty": "The reply held no text.",
    "reply_unparsable": "The reply is not in the form that was asked for.",
    "request_failed": "The request did not succeed, even after being repeated.",
    "name_not_utf8": "The file's name is not valid UTF-8, so that no table could name it: rename it.",
    "vanished": "The file was there when the run was planned and gone when it was to be read.",
    "unreadable": "The file could not be opened or read.",
    "empty_file": "The file has no bytes.",
    "not_an_image": "The bytes are in no image format that is known here, whatever the file is called.",
    "truncated": "The image ends before all of its pixels are there.",
    "too_small": "The image has fewer pixels along a side than the configured minimum.",
    "too_many_pixels": "The image has more pixels than the configured maximum.",
    "animated": "The file holds several frames, and the configuration does not accept those.",
    "duplicate": "The same bytes occur earlier, and only the first occurrence is asked about.",
    "image_changed": "The file no longer has the bytes that were inspected.",
    "embedding_not_finite": "The image's embedding contains values that are not numbers.",
    "none_fits": "The model said that none of the image's candidates fits.",
    "not_selected": "The model kept other candidates of this image, and not this one.",
    "abstained": "The model cannot tell from this image, and said so instead of guessing.",
    "no_pair": "The reply holds no question for this task type.",
    "label_not_offered": "The reply names a task type that was not among those asked about.",
    "second_pair": "The reply holds a further pair for a task type that already has one.",
    "question_empty": "The pair has no question.",
    "answer_empty": "The answer is empty.",
    "no_steps": "The reply holds an answer and no step that leads to it.",
    "malformed_pair": "The pair lacks a field, or a field is not text.",
    "score_below_threshold": "Too few referees voted yes.",
    "votes_missing": "Too many votes are missing for the remaining ones to decide.",
    "benchmark_image": "The image is one of a benchmark's, byte for byte.",
    "benchmark_image_near": "The image looks like one of a benchmark's.",
    "benchmark_question": "The question shares a run of words with one of a benchmark's.",
    "near_duplicate": "The image looks like an earlier one, which stands for both.",
    "image_removed": "The image is no longer in its source.",
    "over_cap": "The task type already has as many samples as the final set takes of one.",
    "below_minimum": "The task type has fewer samples than the final set asks for.",
}
"""What a reject's reason means; covers every reason of :data:`taskgalaxy.rejects.REASONS`."""

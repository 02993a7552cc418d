"""The embedded provider: answers from measurements, so that the workflow runs with no key and no download.

It exists to run and to test the workflow, not to make training data. It answers in text, as a language
model would; it looks at the variables that a prompt was filled with and at the image, and at nothing else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taskgalaxy.embedded.expand import reply_expand
from taskgalaxy.embedded.first import FirstMeasures
from taskgalaxy.embedded.keep import reply_keep
from taskgalaxy.embedded.pixels import Picture
from taskgalaxy.embedded.probe import Probe, load_probe
from taskgalaxy.embedded.questions import reply_questions
from taskgalaxy.embedded.referee_remeasure import judge_again
from taskgalaxy.embedded.referee_traits import judge_traits
from taskgalaxy.embedded.second import SecondMeasures
from taskgalaxy.embedded.steps import reply_steps
from taskgalaxy.embedded.verdict import Verdict
from taskgalaxy.embedded.vocabulary import Vocabulary, load_vocabulary
from taskgalaxy.errors import UserError
from taskgalaxy.images import decode_rgb
from taskgalaxy.llm.request import Gate, ImageContent, Reply, Request, Take
from taskgalaxy.llm.send import send_all
from taskgalaxy.llm.slots import Slots

if TYPE_CHECKING:
    from taskgalaxy.embedded.referee_semantic import SemanticReferee

ROOT = Path(__file__).resolve().parents[3]
GENERATOR = "embedded-generator"
STAGES = {
    GENERATOR: ("expand", "filter", "qa", "cot"),
    "embedded-semantic": ("referee",),
    "embedded-remeasure": ("referee",),
    "embedded-traits": ("referee",),
}
"""The models, and the stages that each of them answers."""

_REMEMBERED = 16
"""Images whose measurements are kept; requests about one image follow each other."""


class EmbeddedProvider:
    """Implements :class:`taskgalaxy.llm.request.Provider` without any model service."""

    name = "embedded"
    recorded = False
    asks = True

    def __init__(self, model: str, resources: Path | None = None) -> None:
        """Answer as ``model``, a key of ``STAGES``; ``resources`` is the folder with ``embedded`` and ``tiny-clip``.

        Raises:
            UserError: if there is no such model.
        """
        if model not in STAGES:
            raise UserError("endpoints", f"the embedded provider has no model {model!r}", f"use {', '.join(STAGES)}")
        self.model = model
        self.parameters: Mapping[str, Any] = {}
        self._resources = resources or ROOT / "resources"
        self._pictures: OrderedDict[str, tuple[FirstMeasures, SecondMeasures]] = OrderedDict()
        self._judges: dict[str, Callable[[Request], Verdict]] = {
            "embedded-semantic": self._judge_semantic,
            "embedded-remeasure": lambda request: judge_again(request.variables, self._measures(request)[1]),
            "embedded-traits": lambda request: judge_traits(
                request.variables, self._measures(request)[0], self._vocabulary
            ),
        }

    async def answer_all(self, questions: Mapping[str, Request], take: Take, gate: Gate, records: Path) -> None:
        """Answer one after the other; see :class:`taskgalaxy.llm.request.Provider`."""
        await send_all(questions, lambda request, _: self.answer(request), take, gate, Slots(1))

    async def answer(self, request: Request) -> Reply:
        """Answer ``request``; an image that cannot be read is a failed reply.

        Raises:
            UserError: if the model does not answer this stage, or a resource is missing.
        """
        if request.stage not in STAGES[self.model]:
            stages = " or ".join(STAGES[self.model])
            raise UserError("roles", f"{self.model} was asked for stage {request.stage}", f"use it for {stages} only")
        try:
            return self._reply(request)
        except OSError as error:
            return Reply("", "unaskable", self.model, provider=self.name, detail=f"the image cannot be read ({error})")

    async def close(self) -> None:
        self._pictures.clear()

    def _reply(self, request: Request) -> Reply:
        if request.stage == "referee":
            verdict = self._judges[self.model](request)
            return Reply(verdict.text, "stop", self.model, p_yes=verdict.p_yes, provider=self.name)
        if request.stage == "expand":
            text = reply_expand(request.variables, self._vocabulary)
        elif request.stage == "filter":
            text = reply_keep(request.variables, self._measures(request)[0], self._vocabulary, self._probe)
        elif request.stage == "cot":
            text = reply_steps(request.variables, self._measures(request)[0])
        else:
            image = _image(request)
            text = reply_questions(request.variables, image.image_id, self._measures(request)[0], self._vocabulary)
        return Reply(text, "stop", self.model, provider=self.name)

    def _measures(self, request: Request) -> tuple[FirstMeasures, SecondMeasures]:
        """Both ways of measuring the request's image. Raises ``OSError`` if it cannot be read."""
        image = _image(request)
        found = self._pictures.get(image.image_id)
        if found is None:
            picture = Picture(decode_rgb(image.read()))
            found = FirstMeasures(picture), SecondMeasures(picture)
            self._pictures[image.image_id] = found
            if len(self._pictures) > _REMEMBERED:
                self._pictures.popitem(last=False)
        self._pictures.move_to_end(image.image_id)
        return found

    def _judge_semantic(self, request: Request) -> Verdict:
        return self._semantic.judge(request.variables, _image(request))

    @cached_property
    def _semantic(self) -> SemanticReferee:
        # torch and open_clip take seconds to import, and no other model needs them.
        from taskgalaxy.embedded.referee_semantic import SemanticReferee

        return SemanticReferee(self._resources / "tiny-clip", self._vocabulary)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return load_vocabulary(self._resources / "embedded" / "vocabulary.yaml")

    @cached_property
    def _probe(self) -> Probe:
        return load_probe(self._resources / "embedded" / "probe.safetensors")


def _image(request: Request) -> ImageContent:
    if request.image is None:
        raise ValueError(f"a request of stage {request.stage} came without an image")
    return request.image

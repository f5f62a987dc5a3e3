"""Requests until an answer can be used: one that cannot be repaired goes back to the model with the error."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from spa2v.core.errors import LayoutError, PlannerError
from spa2v.core.media.files import write_text
from spa2v.core.runtime import Run
from spa2v.core.types import VideoSceneLayout
from spa2v.plugins.layout_planners.mllm.answer.reader import read_answer
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm
from spa2v.plugins.layout_planners.mllm.conversation import Conversation
from spa2v.plugins.layout_planners.mllm.model_names import same_model
from spa2v.plugins.layout_planners.mllm.prompts import Prompts
from spa2v.plugins.layout_planners.mllm.requests import Requests, Response
from spa2v.plugins.layout_planners.mllm.service import EmptyAnswer, Reply

MAX_RETURNED = 20_000


class Dialogue:
    """The conversation with a model about one recording.

    Args:
        requests: to the service.
        prompts: holds the text of a request to correct an answer.
        form: the requested form of an answer.
        repairs: how often an answer may go back.
        model: its name.

    Attributes:
        responses: one entry for each answer, for the manifest.
    """

    def __init__(self, requests: Requests, prompts: Prompts, form: AnswerForm, repairs: int, model: str) -> None:
        self.requests, self.prompts, self.form = requests, prompts, form
        self.repairs, self.model = repairs, model
        self.responses: list[dict[str, Any]] = []

    def layout(self, conversation: Conversation, run: Run, sample: int = 0) -> VideoSceneLayout:
        """The layout from the first answer that can be used.

        Raises:
            PlannerError: no answer could be used; names the file with the last one.
        """
        first, raw, error = conversation, "", LayoutError("the service gave no text")
        for _ in range(self.repairs + 1):
            try:
                response = self.requests.send(conversation, self.form, run, sample)
            except EmptyAnswer as empty:
                error = LayoutError(str(empty))
                self.responses.append({"sample": sample, "unusable": str(empty)})
                continue
            raw = response.reply.text
            self._record(response, run, sample)
            try:
                read = read_answer(raw, self.form)
            except LayoutError as broken:
                error = broken
                self.responses[-1]["unusable"] = str(broken)
                request = self.prompts.fill(
                    "repair", error=" ".join(str(broken).split()), keyframes=self.form.keyframes
                )
                conversation = first.followed_by(raw[:MAX_RETURNED], request)
                continue
            self.responses[-1]["repairs"] = list(read.repairs)
            return read.layout
        raise self._given_up(raw, error, run)

    def _record(self, response: Response, run: Run, sample: int) -> None:
        reply = response.reply
        self.responses.append({"sample": sample, **answer_facts(response)})
        if reply.model and not same_model(self.model, reply.model):
            run.notice(f"asked for the model {self.model!r}, answered by {reply.model!r}")
        if reply.facts.get("retirement_time"):
            run.notice(f"the model {self.model!r} will be retired on {reply.facts['retirement_time']}")

    def _given_up(self, raw: str, error: LayoutError, run: Run) -> PlannerError:
        tries = self.repairs + 1
        details = [str(error)]
        if self.responses and self.responses[-1].get("finish") == "length":
            details.append("it was cut at the token limit: raise max_output_tokens, or ask for fewer keyframes")
        if raw:
            details.append(f"the last answer is kept in {str(_keep(raw, run))!r}")
        return PlannerError(
            f"no usable answer from {self.model!r} in {tries} {'try' if tries == 1 else 'tries'}", *details
        )


def answer_facts(response: Response) -> dict[str, Any]:
    """The facts of one answer for the manifest."""
    reply: Reply = response.reply
    usage = reply.usage
    return {
        "model_version": reply.model,
        "response_id": reply.response_id,
        "finish": reply.finish,
        "usage": {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens} if usage else None,
        "kept_from_before": response.cached,
        "requests": response.requests,
        **reply.facts,
    }


def _keep(raw: str, run: Run) -> Path:
    """Writes an answer into the run folder, else into a new file of the system's temporary folder."""
    raw = raw.encode("utf-8", "replace").decode("utf-8")
    if run.folder is not None:
        path = run.folder / "answer.txt"
        write_text(path, raw)
        return path
    handle, name = tempfile.mkstemp(prefix="spa2v-answer-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(raw)
    return Path(name)

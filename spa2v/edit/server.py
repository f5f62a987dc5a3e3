"""The server of the page: what it shows, what it saves, what it draws."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from spa2v.core.errors import LayoutError, Spa2vError
from spa2v.core.media.audio import write_audio
from spa2v.core.media.files import read_layout
from spa2v.core.types import AudioClip, VideoSceneLayout
from spa2v.core.untrusted import parse_json
from spa2v.edit.cue_data import cues_for_page, peaks
from spa2v.edit.document import ChangedOnDisk, problem_of
from spa2v.edit.events import Events
from spa2v.edit.guard import BodyTooLarge, Guard
from spa2v.edit.opening import Opened
from spa2v.edit.tries import Studio

WATCH_S = 1.0
VIEW_DEG = 65.0  # the horizontal field of view of the planner's camera, in which azimuths become places
PAGE = Path(__file__).parent / "page"
SHARED = Path(__file__).parents[1] / "evaluation" / "report" / "templates"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
SHARED_NAMES = ("boxes.js", "palette.css")


def page_files() -> dict[str, Path]:
    """Every file of the page by its name; nothing else can be asked for."""
    found = {path.name: path for path in PAGE.iterdir() if path.suffix in TYPES}
    return found | {name: SHARED / name for name in SHARED_NAMES}


class Editor:
    """The requests of the page.

    Args:
        opened: what is edited.
        studio: draws.
        events: to the page.
        names: of objects, to complete what the user types.
    """

    def __init__(self, opened: Opened, studio: Studio, events: Events, names: tuple[str, ...]) -> None:
        self._opened, self._studio, self._events, self._names = opened, studio, events, names
        self._document = opened.document
        self._folder = tempfile.TemporaryDirectory(prefix="spa2v-edit-")
        self._encoding = threading.Lock()
        self._files = page_files()
        self._seen = self._document.mark()

    def app(self, token: str, host: str) -> Guard:
        """The application behind its guard."""
        routes = [
            Route("/", self._page),
            Route("/page/{name}", self._page),
            Route("/api/state", self._state),
            Route("/api/peaks", self._peaks),
            Route("/api/audio", self._audio),
            Route("/api/events", self._stream),
            Route("/api/draft", self._draft, methods=["PUT", "DELETE"]),
            Route("/api/layout", self._layout, methods=["GET", "PUT"]),
            Route("/api/transform", self._transform, methods=["POST"]),
            Route("/api/draw", self._draw, methods=["POST"]),
            Route("/api/stop", self._stop, methods=["POST"]),
            Route("/api/try/{number:int}/video", self._try_video),
            Route("/api/try/{number:int}/preview", self._try_preview),
            Route("/api/try/{number:int}/layout", self._try_layout),
        ]
        handlers: dict[Any, Any] = {Spa2vError: _user_error, BodyTooLarge: _too_large}
        return Guard(Starlette(routes=routes, exception_handlers=handlers), token, host)

    def close(self) -> None:
        """Ends the work and removes what was made for the page alone."""
        self._events.close()
        self._studio.close()
        self._folder.cleanup()

    async def watch(self) -> None:
        """Prepares the sound, then notifies the page whenever the layout file changes on disk."""
        if self._opened.heard is not None:
            await run_in_threadpool(self._sound_file)
        while True:
            await asyncio.sleep(WATCH_S)
            try:
                mark = await run_in_threadpool(self._document.mark)
            except LayoutError:
                continue
            if mark != self._seen:
                self._seen = mark
                self._events.publish({"kind": "disk", "mark": mark})

    async def _page(self, request: Request) -> Response:
        path = self._files.get(request.path_params.get("name", "index.html"))
        if path is None:
            raise HTTPException(404)
        return Response(path.read_bytes(), media_type=TYPES[path.suffix])

    async def _state(self, request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self._describe))

    def _describe(self) -> dict[str, Any]:
        layout, mark = self._document.read()
        audio = self._opened.heard.audio if self._opened.heard else None
        draft = self._document.draft()
        return {
            "file": self._document.path.name,
            "folder": str(self._document.path.resolve().parent),
            "layout": layout.to_json(),
            "mark": mark,
            "draft": draft,
            "audio": None if audio is None else {"duration_s": audio.duration_s, "name": audio.source},
            "cues": cues_for_page(self._opened.cue_data),
            "view_deg": VIEW_DEG,
            "names": list(self._names),
            "presets": self._studio.presets,
            "tries": self._tries(),
            "busy": self._studio.busy,
            "remarks": self._opened.remarks,
        }

    def _tries(self) -> list[dict[str, Any]]:
        run = [{"number": 0, "preset": "the run", "seed": None}] if self._opened.videos else []
        return [*run, *self._studio.list()]

    async def _peaks(self, request: Request) -> Response:
        if self._opened.heard is None:
            raise HTTPException(404)
        data = await run_in_threadpool(lambda audio: peaks(audio).tobytes(), self._opened.heard.audio)
        return Response(data, media_type="application/octet-stream")

    async def _audio(self, request: Request) -> Response:
        if self._opened.heard is None:
            raise HTTPException(404)
        return FileResponse(await run_in_threadpool(self._sound_file), media_type="audio/flac")

    def _sound_file(self) -> Path:
        """The recording as the pipeline heard it, in a form that browsers play."""
        assert self._opened.heard is not None
        clip = self._opened.heard.audio
        path = Path(self._folder.name) / "sound.flac"
        with self._encoding:
            if not path.exists():
                peak = max(1.0, float(abs(clip.samples).max()))
                write_audio(path, AudioClip(clip.samples / peak, clip.sample_rate))
        return path

    async def _stream(self, request: Request) -> Response:
        return StreamingResponse(self._events.stream(), media_type="text/event-stream")

    async def _draft(self, request: Request) -> Response:
        if request.method == "DELETE":
            await run_in_threadpool(self._document.drop_draft)
            return JSONResponse({})
        data = await _body(request)
        problem = problem_of(data.get("layout"))
        await run_in_threadpool(self._document.keep_draft, data.get("layout"), _mark(data))
        return JSONResponse({"problem": problem.to_json() if problem else None})

    async def _layout(self, request: Request) -> Response:
        if request.method == "GET":
            layout, mark = await run_in_threadpool(self._document.read)
            return JSONResponse({"layout": layout.to_json(), "mark": mark})
        data = await _body(request)
        problem = problem_of(data.get("layout"))
        if problem is not None:
            return JSONResponse({"problem": problem.to_json()}, 422)
        save = self._document.save
        try:
            mark = await run_in_threadpool(save, data["layout"], _mark(data), data.get("force") is True)
        except ChangedOnDisk as changed:
            return JSONResponse({"mark": changed.mark}, 409)
        self._seen = mark
        return JSONResponse({"mark": mark})

    async def _transform(self, request: Request) -> Response:
        from spa2v.world.augment import mirror_layout, reverse_layout

        data = await _body(request)
        kinds: Mapping[str, Callable[[VideoSceneLayout], VideoSceneLayout]] = {
            "mirror": mirror_layout,
            "reverse": reverse_layout,
        }
        if data.get("kind") not in kinds:
            raise HTTPException(400)
        made = kinds[data["kind"]](VideoSceneLayout.from_json(data.get("layout")))
        return JSONResponse({"layout": made.to_json()})

    async def _draw(self, request: Request) -> Response:
        data = await _body(request)
        layout = VideoSceneLayout.from_json(data.get("layout"))
        preset, seed = data.get("preset"), data.get("seed")
        if not isinstance(preset, str) or not isinstance(seed, int) or isinstance(seed, bool):
            raise HTTPException(400)
        preview = data.get("preview") is True
        return JSONResponse({"number": await run_in_threadpool(self._studio.start, layout, preset, seed, preview)})

    async def _stop(self, request: Request) -> Response:
        self._studio.stop()
        return JSONResponse({})

    async def _try_video(self, request: Request) -> Response:
        number = request.path_params["number"]
        if number == 0 and self._opened.videos:
            path = self._opened.videos[0]
        else:
            path = self._studio.video(number)
        return _video(path)

    async def _try_preview(self, request: Request) -> Response:
        return _video(self._studio.preview(request.path_params["number"]))

    async def _try_layout(self, request: Request) -> Response:
        path = self._studio.layout(request.path_params["number"])
        if not path.is_file():
            raise HTTPException(404)
        return JSONResponse({"layout": (await run_in_threadpool(read_layout, path)).to_json()})


def _video(path: Path) -> Response:
    if not path.is_file():
        raise HTTPException(404)
    return FileResponse(path, media_type="video/mp4")


async def _body(request: Request) -> dict[str, Any]:
    """The JSON object of a request."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415)
    try:
        data = parse_json(await request.body())
    except ValueError:
        raise HTTPException(400) from None
    if not isinstance(data, dict):
        raise HTTPException(400)
    return data


def _mark(data: Mapping[str, Any]) -> str | None:
    mark = data.get("mark")
    return mark if isinstance(mark, str) else None


async def _user_error(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _too_large(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "the request is too large"}, 413)

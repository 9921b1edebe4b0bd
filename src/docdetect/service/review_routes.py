"""The addresses of the review page: documents, pages, pictures, corrections and the wall of crops of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Header, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from docdetect.annotations.native import annotations_to_json
from docdetect.documents.document import DocumentError
from docdetect.documents.sizes import BoxFrac
from docdetect.documents.sources import DocumentFile
from docdetect.errors import InputError, InterruptedRunError, OutputError
from docdetect.files import json_text, sha256_text
from docdetect.review.log import RevisionError
from docdetect.review.pages import BadBoxesError, Change, PageFilter, PagePlace, PageView, UnknownPageError
from docdetect.review.pictures import MEDIA_TYPES, PagePicture
from docdetect.review.wall import CropOrder, place_from_text, place_to_text
from docdetect.service.options import wrong_values
from docdetect.service.problems import ProblemError
from docdetect.service.refusals import problems
from docdetect.service.review_models import (
    CropQuery,
    CropsAnswer,
    DecisionsAnswer,
    DecisionsInput,
    ImageQuery,
    PageAnswer,
    PageInput,
    PageList,
    PagesQuery,
    ReviewAnswer,
    crop_answer,
    document_summary,
    page_answer,
    page_summary,
)
from docdetect.service.reviewed import Reviewed, ReviewedRuns
from docdetect.service.uploads import patient
from docdetect.types import SizeWH

BodyT = TypeVar("BodyT", bound=BaseModel)

# Most bytes of a request with corrections: a thousand boxes have about 200 kB.
_MOST_BODY_BYTES = 2 << 20

# Seconds until a request with corrections has come as a whole.
_MOST_BODY_S = 120.0

# Requests for pictures that may wait for a rendering at once; further ones are told to come again.
_MOST_WAITING = 24

_BASE = "/v1/jobs/{job}/review"
_TAG = "review"

_After = Annotated[str | None, Query(max_length=300, description="next of the answer before.")]
_NotModified = Annotated[str, Header(alias="If-None-Match", description="ETag of the picture that is there already.")]


def add_review(app: FastAPI, runs: ReviewedRuns) -> None:
    """Adds the addresses of the review page to an application.

    Args:
        app: the application.
        runs: the runs that are reviewed.
    """
    _add_lists(app, runs)
    _add_pages(app, runs)
    _add_pictures(app, runs)
    _add_wall(app, runs)
    _add_downloads(app, runs)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turns what a run refuses into problem details."""
    try:
        yield
    except UnknownPageError as error:
        raise ProblemError(
            HTTPStatus.NOT_FOUND, "no-such-page", "the job has no such page", "Ask for the list of pages again."
        ) from error
    except BadBoxesError as error:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "wrong-boxes", error.message, error.remedy) from error
    except DocumentError as error:
        kind = f"document-{error.failure.kind.value}".replace("_", "-")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, kind, error.failure.message, error.remedy) from error
    except OutputError as error:
        raise ProblemError(
            HTTPStatus.INSUFFICIENT_STORAGE, "not-kept", "the correction could not be written", error.remedy
        ) from error
    except InterruptedRunError as error:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE, "stopping", "the service is ending", "Try again later.", 30
        ) from error


def _add_lists(app: FastAPI, runs: ReviewedRuns) -> None:
    @app.get(_BASE, summary="What is to be reviewed", tags=[_TAG], responses=problems(404))
    def review(
        job: str,
        limit: Annotated[int, Query(ge=1, le=20_000, description="Most documents of the answer.")] = 5000,
        after: Annotated[str, Query(max_length=5000, description="next of the answer before.")] = "",
    ) -> ReviewAnswer:
        """Documents that the run has reached, sorted by name; also while the job still runs."""
        run = runs.get(job).run
        documents = run.documents()
        shown = [one for one in documents if one.name > after][: limit + 1]
        return ReviewAnswer(
            job=job,
            categories=list(run.categories),
            thresholds=run.thresholds,
            required=list(run.required),
            documents=[document_summary(one) for one in shown[:limit]],
            next=shown[limit - 1].name if len(shown) > limit else None,
            documents_total=len(documents),
            pages=sum(one.pages for one in documents),
            reviewed=sum(one.reviewed for one in documents),
            queue=run.has_queue,
            queue_problem=run.queue_problem,
        )

    @app.get(f"{_BASE}/pages", summary="Pages, as far as they are wanted", tags=[_TAG], responses=problems(404, 422))
    def pages(job: str, wanted: Annotated[PagesQuery, Query()]) -> PageList:
        """In the order of documents and pages, or with queue=true those of the queue in its order."""
        run = runs.get(job).run
        chosen = PageFilter(**wanted.model_dump(exclude={"after", "before", "around", "limit"}))
        with _refusals():
            place = PagePlace(wanted.after, wanted.before, wanted.around, wanted.limit)
            section = run.section(chosen, place)
        shown = [page_summary(one) for one in section.pages]
        return PageList(pages=shown, next=section.next, total=section.total, offset=section.offset)


def _add_pages(app: FastAPI, runs: ReviewedRuns) -> None:
    @app.get(f"{_BASE}/pages/{{page}}", summary="A page with its boxes", tags=[_TAG], responses=problems(404))
    def page(job: str, page: str, response: Response) -> PageAnswer:
        """The header ETag is the revision of the page, which a correction has to name."""
        with _refusals():
            reviewed = runs.get(job)
            view = reviewed.run.page(page)
        response.headers["ETag"] = _revision_tag(view)
        return page_answer(reviewed.address, view)

    @app.put(
        f"{_BASE}/pages/{{page}}",
        summary="Correct a page",
        tags=[_TAG],
        responses=problems(400, 404, 408, 409, 413, 422, 428, 507),
        openapi_extra=_body(PageInput),
    )
    async def revise(
        job: str,
        page: str,
        request: Request,
        response: Response,
        if_match: Annotated[str, Header(description='The revision that was looked at, such as "3".')] = "",
    ) -> PageAnswer:
        """The boxes take the place of all boxes of the page, as its next revision; it is on the disk when this answers.

        Where somebody else has revised the page meanwhile, nothing is written, and the problem (409) has the page as it
        is now in its member current.
        """
        revision = _revision_of(if_match)
        body = await _received(request, PageInput)

        def write() -> tuple[str, PageView]:
            reviewed = runs.get(job)
            run = reviewed.run
            change = Change(page, revision, [box.to_box() for box in body.boxes], body.review_state, body.by)
            with _refusals():
                try:
                    return reviewed.address, run.revise([change])[0]
                except RevisionError as error:
                    current = page_answer(reviewed.address, run.page(page)).model_dump(mode="json")
                    raise _conflict(error, {"current": current}) from error

        address, view = await run_in_threadpool(write)
        response.headers["ETag"] = _revision_tag(view)
        return page_answer(address, view)


def _add_pictures(app: FastAPI, runs: ReviewedRuns) -> None:
    waiting = BoundedSemaphore(_MOST_WAITING)

    @app.get(
        f"{_BASE}/pages/{{page}}/image",
        summary="The picture of a page",
        tags=[_TAG],
        responses=problems(404, 422, 429),
        response_class=Response,
    )
    def image(
        job: str, page: str, wanted: Annotated[ImageQuery, Query()], if_none_match: _NotModified = ""
    ) -> Response:
        """The page as displayed, or a part of it, rendered from its document. Pictures are not enlarged."""
        reviewed = runs.get(job)
        with _refusals():
            facts = reviewed.run.facts(page)
            sha256 = reviewed.run.content_of(page)
        if facts.size_wh is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "no-picture", facts.reason or "the page could not be read")
        region = _wanted_region(wanted.region, facts.size_wh)
        picture = PagePicture(sha256, facts.number, wanted.max_px, wanted.format, region)
        if _tag(picture) in if_none_match:
            return _unchanged(picture)
        with _slot(waiting), _refusals():
            file = _file(reviewed, facts.document, sha256)
            made = reviewed.pictures.page if region is None else reviewed.pictures.crop
            return _picture(picture, made(file, picture))

    @app.get(
        f"{_BASE}/pages/{{page}}/crop",
        summary="The picture of a mark",
        tags=[_TAG],
        responses=problems(404, 422, 429),
        response_class=Response,
    )
    def crop(job: str, page: str, wanted: Annotated[CropQuery, Query()], if_none_match: _NotModified = "") -> Response:
        """A box or a possible mark of the page with some of what is around it."""
        reviewed = runs.get(job)
        with _refusals():
            view = reviewed.run.page(page)
        parts = {
            one.id: PagePicture(
                view.sha256, view.facts.number, wanted.max_px, wanted.format, _region(view, one.xyxy, wanted.margin)
            )
            for one in (*view.boxes, *view.possible_marks)
        }
        if wanted.box not in parts:
            raise ProblemError(
                HTTPStatus.NOT_FOUND, "no-such-box", f"the page has no box {wanted.box!r}", "Look at the page again."
            )
        picture = parts.pop(wanted.box)
        if _tag(picture) in if_none_match:
            return _unchanged(picture)
        with _slot(waiting), _refusals():
            file = _file(reviewed, view.facts.document, view.sha256)
            return _picture(picture, reviewed.pictures.crop(file, picture, tuple(parts.values())[:32]))


def _add_wall(app: FastAPI, runs: ReviewedRuns) -> None:
    @app.get(f"{_BASE}/crops", summary="The wall of crops", tags=[_TAG], responses=problems(404, 422))
    def crops(
        job: str,
        category: Annotated[str, Query(max_length=200, description="Only marks of this category.")] = "",
        order: Annotated[
            CropOrder, Query(description="confidence: the least confident first; page: as they lie in the documents.")
        ] = "confidence",
        reviewed: Annotated[bool | None, Query(description="Only marks that a person has, or has not, seen.")] = None,
        possible_marks: Annotated[
            bool, Query(description="Possible marks below the thresholds in place of marks.")
        ] = False,
        after: _After = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="Most marks of the answer.")] = 100,
    ) -> CropsAnswer:
        shown = runs.get(job)
        try:
            place = None if not after else place_from_text(after)
        except ValueError as error:
            raise ProblemError(
                HTTPStatus.UNPROCESSABLE_ENTITY, "wrong-request", "after is not next of an earlier answer"
            ) from error
        marks, last, total = shown.run.wall(category, order, reviewed, place, limit, possible_marks=possible_marks)
        return CropsAnswer(
            crops=[crop_answer(shown.address, view, box, decided=decided) for view, box, decided in marks],
            next=None if last is None else place_to_text(last),
            total=total,
        )

    @app.post(
        f"{_BASE}/crops",
        summary="Accept and reject marks",
        tags=[_TAG],
        responses=problems(400, 404, 408, 409, 413, 422, 507),
        openapi_extra=_body(DecisionsInput),
    )
    async def decide(job: str, request: Request) -> DecisionsAnswer:
        """One revision for each page, all of them or none. A page counts as reviewed once all its marks are decided and
        it has no possible mark below the thresholds.

        Where somebody else has revised pages meanwhile, nothing is written, and the problem (409) lists these pages.
        """
        body = await _received(request, DecisionsInput)

        def write() -> list[PageView]:
            run = runs.get(job).run
            accepted: dict[str, list[str]] = {}
            rejected: dict[str, list[str]] = {}
            for places, chosen in ((body.accept, accepted), (body.reject, rejected)):
                for place in places:
                    chosen.setdefault(place.page, []).append(place.box)
            with _refusals():
                try:
                    return run.decide(accepted, rejected, body.revisions, body.by)
                except RevisionError as error:
                    moved_on = [page_summary(one).model_dump(mode="json") for one in run.facts_of(error.pages)]
                    raise _conflict(error, {"pages": moved_on}) from error

        views = await run_in_threadpool(write)
        return DecisionsAnswer(pages=[page_summary(view.facts) for view in views])


def _add_downloads(app: FastAPI, runs: ReviewedRuns) -> None:
    @app.get(
        f"{_BASE}/reviews.jsonl",
        summary="The log of corrections",
        tags=[_TAG],
        responses=problems(404),
        response_class=Response,
    )
    def log(job: str) -> Response:
        """One revision of a page on each line, in the order in which they were made; nothing is ever removed."""
        return _download(runs.get(job).run.log_text(), "application/x-ndjson", "reviews.jsonl")

    @app.get(
        f"{_BASE}/annotations.json",
        summary="The corrections as annotations",
        tags=[_TAG],
        responses=problems(404),
        response_class=Response,
    )
    def annotations(job: str) -> Response:
        """Pages that a person found right or corrected, in the format that docdetect prepare takes."""
        found = runs.get(job).run.annotations()
        text = json_text(annotations_to_json(found.annotations))
        return _download(text.encode(), "application/json", "annotations.json")


def _download(content: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)


def _body(model: type[BaseModel]) -> dict[str, Any]:
    """The body of a request for the OpenAPI description."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def whole(value: Any) -> Any:
        if isinstance(value, dict):
            reference = str(value.get("$ref", ""))
            value = parts[reference.rpartition("/")[2]] if reference else value
            return {name: whole(one) for name, one in value.items()}
        return [whole(one) for one in value] if isinstance(value, list) else value

    schema = whole(schema)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def _received(request: Request, model: type[BodyT]) -> BodyT:
    """The body of a request, read up to a bound and checked. Raises ProblemError (408, 413, 422)."""
    data = bytearray()
    async for piece in patient(request.stream(), _MOST_BODY_S):
        data += piece
        if len(data) > _MOST_BODY_BYTES:
            raise ProblemError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "too-large",
                f"the request has more than {_MOST_BODY_BYTES >> 20} MiB",
                "Send fewer boxes.",
            )
    try:
        return model.model_validate_json(bytes(data))
    except ValidationError as error:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "wrong-request", wrong_values(error, "the body")[:1000]
        ) from error


def _revision_of(if_match: str) -> int:
    """The revision that the header If-Match names. Raises ProblemError (400, 428)."""
    if not if_match:
        raise ProblemError(
            HTTPStatus.PRECONDITION_REQUIRED,
            "no-revision",
            "the request does not say which revision of the page was looked at",
            'Send the header If-Match: "REVISION", 0 for a page without reviews.',
        )
    match = re.fullmatch(r'(?:W/)?"?(\d{1,9})"?', if_match.strip())
    if match is None:
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "wrong-revision", f"If-Match: {if_match[:40]!r} is no revision", 'Such as: "3".'
        )
    return int(match[1])


def _revision_tag(view: PageView) -> str:
    return f'"{view.facts.revision}"'


def _conflict(error: RevisionError, members: dict[str, Any]) -> ProblemError:
    return ProblemError(HTTPStatus.CONFLICT, "revised-meanwhile", error.message, error.remedy, members=members)


@contextmanager
def _slot(waiting: BoundedSemaphore) -> Iterator[None]:
    """A place among those who wait for a picture. Raises ProblemError (429) where all are taken."""
    if not waiting.acquire(blocking=False):
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS, "busy", "too many pictures are being rendered", "Try again soon.", 1
        )
    try:
        yield
    finally:
        waiting.release()


def _file(reviewed: Reviewed, document: str, sha256: str) -> DocumentFile:
    """The file of a document. Raises ProblemError (404)."""
    try:
        return reviewed.documents.find(document, sha256)
    except InputError as error:
        raise ProblemError(HTTPStatus.NOT_FOUND, "document-gone", error.message, error.remedy) from error


def _region(view: PageView, xyxy: tuple[float, float, float, float], margin: float) -> BoxFrac:
    """A box with a margin as shares of its page."""
    assert view.facts.size_wh is not None  # a page without a size has no boxes
    width, height = view.facts.size_wh
    left, top, right, bottom = xyxy
    across, down = margin * (right - left), margin * (bottom - top)
    return (
        max(0.0, (left - across) / width),
        max(0.0, (top - down) / height),
        min(1.0, (right + across) / width),
        min(1.0, (bottom + down) / height),
    )


def _wanted_region(text: str, size_wh: SizeWH) -> BoxFrac | None:
    """The part of a page that a request names, as shares of the page. Raises ProblemError (422)."""
    if not text:
        return None
    left, top, right, bottom = (float(part) for part in text.split(","))
    width, height = size_wh
    x0, y0, x1, y1 = max(0.0, left), max(0.0, top), min(float(width), right), min(float(height), bottom)
    if x1 - x0 < 1 or y1 - y0 < 1:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "wrong-request",
            f"region {text} is no part of a page of {width} x {height} px",
            "Give left, top, right and bottom in px of the page.",
        )
    return x0 / width, y0 / height, x1 / width, y1 / height


def _tag(picture: PagePicture) -> str:
    return f'"{sha256_text(repr(picture))[:24]}"'


def _picture(picture: PagePicture, data: bytes) -> Response:
    return Response(data, media_type=MEDIA_TYPES[picture.format], headers=_headers(picture))


def _unchanged(picture: PagePicture) -> Response:
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=_headers(picture))


def _headers(picture: PagePicture) -> dict[str, str]:
    return {"ETag": _tag(picture), "Cache-Control": "private, max-age=86400"}

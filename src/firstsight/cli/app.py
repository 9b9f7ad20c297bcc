"""The application that commands are added to, and the parameters that several of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from firstsight.types import Failure, Record

app = typer.Typer(
    help="One-shot recognition: learn a similarity, enroll one example, verify and identify.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
gallery_app = typer.Typer(
    help="Make, export, import and rebuild galleries.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(gallery_app, name="gallery")

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
SameNames = Annotated[
    bool,
    typer.Option(
        "--same-names-are-different",
        help="Your classes are others under the names of learned ones (001, 002): only content counts.",
    ),
]
ModelAt = Annotated[str | None, typer.Option("--model", help="Where the gallery's model lies now, if it moved.")]
ModelName = Annotated[str, typer.Argument(help="A shipped model by its bare name, or a directory (with a /).")]
Identified = Annotated[str, typer.Argument(help="An enrolled identity.")]
Metadata = Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Said of each reference; repeatable.")]
Override = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Enroll despite this finding: blank, blur, contrast, ... or all; repeatable."),
]
Search = Annotated[str | None, typer.Option(help="Only names that hold this.")]
Where = Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only where this is said; repeatable.")]
Recorded = Annotated[bool, typer.Option("--record", help="Leave an event, see firstsight gallery events.")]
Place = Annotated[str, typer.Option(help="With --record: which door or counter.")]
Direction = Annotated[str | None, typer.Option(help="With --record: in or out, for attendance.")]
Actor = Annotated[str, typer.Option(help="With --record: who asks.")]
KeepImage = Annotated[bool, typer.Option("--keep-image", help="With --record: keep the probe too.")]
GalleryAt = Annotated[str, typer.Argument(help="A file, with #name for one of several galleries in it.")]


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        import firstsight

        print(f"firstsight {firstsight.__version__}")
        raise typer.Exit


def recorded(
    record: bool, place: str = "", direction: str | None = None, actor: str = "", keep_image: bool = False
) -> Record | None:
    """What is asked to be recorded.

    Raises:
        UsageError: something is said of an event that is not asked for.
    """
    from firstsight.errors import UsageError
    from firstsight.types import Record

    given = {"--place": place, "--direction": direction, "--actor": actor, "--keep-image": keep_image}
    alone = [name for name, value in given.items() if value]
    if alone and not record:
        raise UsageError(f"{' and '.join(alone)} came without --record; give it too, or leave them out")
    return Record(place, direction, actor, keep_image) if record else None


def several(ask: Callable[[], list[Any]]) -> tuple[list[Any], list[Failure]]:
    """What a verb on several images answers, with a failure in the place of each that can't be read; and these."""
    from firstsight.errors import BatchError
    from firstsight.types import Failure

    try:
        return ask(), []
    except BatchError as error:
        return list(error.answers), [one for one in error.answers if isinstance(one, Failure)]

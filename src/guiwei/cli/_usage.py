"""What click says of a wrong command line, as an error that is worded like every other."""

from __future__ import annotations

import click

from guiwei.errors import InputError

__all__ = ["NamedGroup", "usage_error"]


class NamedGroup(click.Group):
    """A group that names the nearest commands when one is mistyped."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first word names.

        Raises:
            InputError: there is none (`command-unknown`).
        """
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-"):
            from difflib import get_close_matches

            raise InputError("command-unknown", command=name, near=get_close_matches(name, known, 3) or known)
        return super().resolve_command(ctx, args)


def usage_error(error: click.ClickException) -> InputError:
    """Return the error for a wrong option, argument or value."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "guiwei"
    if isinstance(error, click.NoSuchOption):
        near = ", ".join(error.possibilities or ()) or "--help"
        return InputError("usage-option", option=error.option_name, command=command, near=near)
    if isinstance(error, click.MissingParameter):
        return InputError("usage-missing", name=_name(error.param, context), command=command)
    if isinstance(error, click.BadParameter):
        return _bad_value(error, context, command)
    if isinstance(error, click.BadOptionUsage):
        return InputError("usage-option-value", option=error.option_name, command=command)
    if "extra argument" in error.message:
        return InputError("usage-extra", command=command)
    return InputError("usage-wrong", detail=error.format_message().rstrip("."), command=command)


def _bad_value(error: click.BadParameter, context: click.Context | None, command: str) -> InputError:
    kind = error.param.type if error.param is not None else None
    name = _name(error.param, context)
    if isinstance(kind, click.Choice):
        return InputError("usage-choice", name=name, choices=", ".join(map(str, kind.choices)), command=command)
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        limits = f"≥ {kind.min}" if kind.max is None else f"{kind.min} … {kind.max}"
        return InputError("usage-number", name=name, limits=limits, command=command)
    return InputError("usage-wrong", detail=error.message.rstrip("."), command=command)


def _name(parameter: click.Parameter | None, context: click.Context | None) -> str:
    if parameter is None:
        return "?"
    return parameter.make_metavar(context) if isinstance(parameter, click.Argument) and context else parameter.opts[-1]

"""The command line: one file a command, loaded when it is called."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module

import click

from guiwei import __version__
from guiwei.cli._usage import NamedGroup, usage_error
from guiwei.errors import GuiweiError

__all__ = ["main"]

#: The module of a command is `guiwei.cli.<command>`; the catalogue says what it is for.
COMMANDS = (
    "check",
    "plan",
    "apply",
    "drift",
    "verify",
    "recover",
    "runbook",
    "rollback",
    "done",
    "inventory",
    "facts",
    "capture",
    "product",
    "runs",
    "report",
    "support",
    "explain",
    "schema",
    "trust",
    "vault",
    "backup",
    "backups",
    "restore",
    "demo",
    "lab",
)


class _Commands(NamedGroup):
    """Loads a command's module only when it is needed: start-up time is felt at every call."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"guiwei.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading one of them."""
        from guiwei.report.words import Words, pick_language

        words = Words(pick_language(_language_option(sys.argv), os.environ))
        with formatter.section(words.say("help-commands")):
            formatter.write_dl([(name, words.say(f"command-{name}")) for name in COMMANDS])


def _language_option(argv: list[str]) -> str | None:
    for place, word in enumerate(argv):
        if word == "--lang" and place + 1 < len(argv):
            return argv[place + 1]
        if word.startswith("--lang="):
            return word.partition("=")[2]
    return None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="guiwei %(version)s")
def cli() -> None:
    """guiwei (归位): declare what an invoicing PC should be; see what differs; put it right, safely, with proof.

    声明开票 PC 应有的状态，查看差异，安全归位，并留下证明。
    """


def main(argv: list[str] | None = None) -> int:
    """Run one command and return the process's exit code.

    An expected error is one message; a bug is a traceback and exit code 1.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = cli.main(words, prog_name="guiwei", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except GuiweiError as error:
        return _tell(error, words)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.Abort:
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        return _tell(usage_error(error), words)
    except BrokenPipeError:
        # `guiwei … | head` is not a failure of guiwei's.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _tell(error: GuiweiError, argv: list[str]) -> int:
    from guiwei.cli._output import tell_error

    tell_error(error, _language_option(argv), as_json="--json" in argv)
    return error.exit_code


def run() -> None:
    """Run the process: the console script.

    One command and the end: looking for cycles in what was just loaded, and taking every module apart again, would
    cost a tenth of a second at each call. A bug goes the ordinary way, with its traceback.
    """
    gc.set_threshold(100_000, 20, 20)
    code = main()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        pass
    os._exit(code)

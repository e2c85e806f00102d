"""`guiwei product`: the profiles there are, what is wrong with one, and how it fits a PC."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from guiwei.cli._each_host import ask_hosts
from guiwei.cli._inputs import Inputs, bundled
from guiwei.cli._instances import instances_of
from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._running import Runner
from guiwei.cli._usage import NamedGroup
from guiwei.engine.conformance import Finding, conform, conformance_request
from guiwei.engine.host import status_of
from guiwei.engine.observation import Observation
from guiwei.engine.work import Work
from guiwei.errors import GuiweiError, Place
from guiwei.language.products import find_product, load_product
from guiwei.model.playbook import Play
from guiwei.model.product import Product
from guiwei.model.run import exit_code
from guiwei.transport.settings import Settings

__all__ = ["bare_play", "command", "product_named", "product_works"]


@click.group("product", cls=NamedGroup)
def command() -> None:
    """List product profiles, check one, test one against a PC. 产品描述。"""


@command.command("list")
@common_options
def list_products(output: Output) -> int:
    """List the profiles beside this folder and guiwei's own. 列出可用的产品描述。"""
    found: dict[str, dict[str, Any]] = {}
    for path in (path for folder in _folders() for path in sorted(folder.glob("*.yml"))):
        if path.stem not in found:
            product = load_product(path)
            found[path.stem] = {
                "product": product.name,
                "title": dict(product.title),
                "verified": product.verified,
                "file": str(path),
            }
    from guiwei.report.product_view import products_table

    output.show(products_table(found.values(), output.words))
    output.document({"products": list(found.values())})
    return 0


@command.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@common_options
def check(files: tuple[Path, ...], output: Output) -> int:
    """Find everything that is wrong with profiles, without a PC. 检查产品描述。"""
    from guiwei.cli.check import show_problems
    from guiwei.language.product_check import check_product

    problems = [problem for path in files for problem in check_product(path)]
    show_problems(problems, [str(path) for path in files], output)
    return 2 if problems else 0


@command.command("test")
@click.argument("name")
@selection_options
@connection_options
@common_options
def test(name: str, selection: Selection, forks: int, settings: Settings, output: Output) -> int:
    """Test a profile (its name or file) against PCs; nothing is changed; exit 3 if it does not fit. 对照 PC 验证。"""
    works = product_works(product_named(name), Project(selection))
    asked = ask_hosts(works, conformance_request, Runner(output, settings, forks))
    found: dict[str, dict[str, tuple[Finding, ...]]] = {}
    errors: dict[str, GuiweiError] = {}
    for work in works:
        answer, _ = asked[work.host.name]
        if isinstance(answer, GuiweiError):
            errors[work.host.name] = answer
        else:
            observation = Observation.from_answer(answer, 0.0)
            found[work.host.name] = {each.id: conform(each, observation) for each in work.instances}
    from guiwei.report.problem import render_error
    from guiwei.report.product_view import conformance_view

    output.show(conformance_view(found, output.words))
    for host, error in errors.items():
        output.side.print(f"{host}: ", render_error(error, output.words), sep="")
    output.document({"product": name, "hosts": found, "errors": errors})
    return exit_code((*_statuses(found), *(status_of(error) for error in errors.values())))


def _statuses(found: Mapping[str, Mapping[str, tuple[Finding, ...]]]) -> tuple[str, ...]:
    findings = (finding for instances in found.values() for each in instances.values() for finding in each)
    return tuple("differs" if finding.fits is False else "unchanged" for finding in findings)


def _folders() -> list[Path]:
    here = Path("products")
    return [here, bundled("products")] if here.is_dir() else [bundled("products")]


def product_named(name: str) -> Product:
    """Return a profile by its name, or by its file.

    Raises:
        InputError: there is none, or it is wrong: the first thing that `product check` finds.
    """
    from guiwei.language.product_check import check_product

    path = Path(name) if name.endswith((".yml", ".yaml")) else find_product(name, _folders())
    for problem in check_product(path):
        raise problem
    return load_product(path)


def product_works(product: Product, project: Project) -> tuple[Work, ...]:
    """Return works of the selected hosts with their instances of a product, of which nothing is wanted.

    Raises:
        InputError: an instance lacks what the profile asks for.
    """
    inputs = Inputs(project.extra, project.groups, (), ())
    return tuple(
        Work(host, instances=instances_of(host, bare_play(product), inputs, product))
        for host in project.reachable_hosts
    )


def bare_play(product: Product) -> Play:
    """Return a play of a product that wants nothing."""
    return Play("", "all", product.place or Place("", 1, 1), {}, Path(), product=product.name)

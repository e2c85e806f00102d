"""Draw the plan of the README: a real one, of one of the lab's branch PCs.

    python tools/picture.py

Writes `docs/images/plan.svg` (English) and `docs/images/plan.zh.svg` (Chinese).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import yaml

from guiwei.cli._options import Selection
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._running import Runner
from guiwei.cli.lab import trust_fleet
from guiwei.cli.plan import make_plan
from guiwei.lab.fleet import Fleet
from guiwei.model.plan import Plan
from guiwei.report.picture import svg
from guiwei.report.plan_view import plan_view
from guiwei.report.words import Words
from guiwei.transport.settings import Settings

__all__ = ["main", "plan_of_the_lab"]

REPOSITORY = Path(__file__).resolve().parents[1]
#: The PC with an old version and wrong parameters: it has the most to show.
HOST = "pc02"
PLAYBOOK = Path("playbooks/version-upgrade.yml")


def plan_of_the_lab(folder: Path) -> Plan:
    """Build the lab in an empty folder, and plan one of its PCs."""
    shutil.copytree(REPOSITORY / "playbooks", folder / "playbooks")
    fleet = Fleet(folder / "lab")
    fleet.build(lambda _: None)
    known_hosts = folder / "known_hosts"
    trust_fleet(fleet.folder, known_hosts)
    inventory = fleet.inventory()
    for host, secrets in fleet.secrets().items():
        inventory["all"]["children"]["branches"]["hosts"][host].update(secrets)
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory, allow_unicode=True), encoding="utf-8")
    # The picture shows the places as somebody sees them who works in that folder.
    with fleet, contextlib.chdir(folder):
        selection = Selection((Path("hosts.yml"),), HOST, (), (), (), (), ())
        runner = Runner(Output("en", as_json=True), Settings(known_hosts=known_hosts), forks=1)
        return make_plan(Project(selection, PLAYBOOK), runner)


def main() -> None:
    """Write both pictures."""
    folder = Path(tempfile.mkdtemp(prefix="guiwei-picture-"))
    os.environ["GUIWEI_HOME"] = str(folder / "home")
    try:
        plan = plan_of_the_lab(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    title = f"guiwei plan {PLAYBOOK} -i inventory -l {HOST}"
    images = REPOSITORY / "docs" / "images"
    images.mkdir(parents=True, exist_ok=True)
    for lang, name in (("en", "plan.svg"), ("zh", "plan.zh.svg")):
        picture = svg(plan_view(plan, Words(lang)), title=title, width=108)
        (images / name).write_text(picture, encoding="utf-8")
        print(f"wrote docs/images/{name}")


if __name__ == "__main__":
    main()

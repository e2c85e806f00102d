"""Which tasks tags select, as Ansible does it.

https://docs.ansible.com/ansible/latest/playbook_guide/playbooks_tags.html
"""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["selected"]


def selected(own: Collection[str], wanted: Collection[str], skipped: Collection[str]) -> bool:
    """Return whether a task runs.

    Args:
        own: the tags of task and play.
        wanted: `--tags`; nothing means `all`.
        skipped: `--skip-tags`.
    """
    tags = set(own) or {"untagged"}
    tagged = tags != {"untagged"}
    only, skip = set(wanted) or {"all"}, set(skipped)
    if "always" in tags or tags & only:
        runs = True
    elif "never" in tags:
        runs = False
    else:
        runs = "all" in only or ("tagged" in only and tagged)
    if not runs or not skip:
        return runs
    if "all" in skip and ("always" not in tags or "always" in skip):
        return False
    return not (tags & skip) and not ("tagged" in skip and tagged)

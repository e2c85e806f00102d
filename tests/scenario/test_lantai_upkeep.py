"""`authentication`, `endpoints` and `maintenance` of `state:`, on a PC with Lantai: what is wanted, shown and kept."""

from __future__ import annotations

import datetime
import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from lantai_support import Shop, codes, errors_in, open_shop, statuses, steps_of
from made_certificates import PFX_PASSWORD, pfx
from scenario_bench import Bench
from scenario_cases import Run

from lab.lantai import disks
from lab.lantai.upload_server import UploadServer

LONG_AGO = "2025-01-05"
NEW = "新口令-xyz-2026"


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    shop = open_shop(bench, run, "3.1.0", running=True)
    told(shop, LONG_AGO, 5)
    return shop


@pytest.fixture
def server() -> Iterator[UploadServer]:
    with UploadServer() as server:
        yield server


def told(shop: Shop, changed: str, left: int) -> None:
    """Set what the client knows of its password, from outside."""
    with closing(sqlite3.connect(Path(shop.one.folder, "Data", "lantai.db"))) as database:
        for name, value in (("cert_changed", changed), ("cert_tries_left", str(left))):
            database.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))
        database.commit()


def tries_left(shop: Shop) -> Any:
    return shop.do("status")["password_tries_left"]


def pid(shop: Shop) -> Any:
    return shop.do("status")["pid"]


def shown(shop: Shop, *words: str) -> str:
    done = shop.guiwei(*words)
    return done.out + done.err


def conditions(plan: Any) -> dict[str, Any]:
    (instance,) = plan["hosts"][0]["instances"]
    return {each["field"]: each for each in instance["conditions"]}


# Certificates


def test_a_certificate_is_imported_once_and_kept(shop: Shop) -> None:
    data, key, fingerprint = pfx("91110108MA01A2B3C4")
    secret = key.decode().splitlines()[1]
    shop.bench.write({"files/开票证书.pfx": data})
    shop.vars["pfx_password"] = PFX_PASSWORD
    shop.play({"authentication": {"certificate": {"source": "开票证书.pfx", "password": "{{ pfx_password }}"}}})
    plan = shop.plan()
    step = next(step for step in steps_of(plan) if step["module"] == "certificate")
    assert step["risk"] == "professional"
    assert {change["field"]: change["after"] for change in step["changes"]}["fingerprint"] == fingerprint
    assert step["place"]["file"].endswith("play.yml")
    for lang in ("en", "zh"):
        text = shown(shop, "plan", "play.yml", "--lang", lang)
        assert fingerprint[:8] in text
        assert PFX_PASSWORD not in text
        assert secret not in text
    before = pid(shop)
    shop.apply()
    folder = Path(shop.one.folder, "Cert")
    assert (folder / "开票.key").read_bytes() == key
    assert (folder / "开票.key").stat().st_mode & 0o777 == 0o600
    assert (
        x509.load_pem_x509_certificate((folder / "开票.pem").read_bytes()).fingerprint(hashes.SHA256()).hex()
        == fingerprint
    )
    assert shop.do("status")["certificate"] is True
    # The client reads it at its start.
    assert pid(shop) != before
    shop.plan(code=0)
    (folder / "开票.pem").write_bytes(b"")
    step = next(step for step in steps_of(shop.plan()) if step["module"] == "certificate")
    assert {change["cause"] for change in step["changes"]} == {"drift"}
    shop.apply()
    shop.plan(code=0)
    # Neither the PC, but for the key itself, nor the history has seen a secret.
    for path in shop.bench.folder.rglob("*"):
        if path.is_file() and path.name not in ("开票.key", "hosts.yml"):
            content = path.read_bytes()
            assert secret.encode() not in content, path
            assert PFX_PASSWORD.encode() not in content, path


def test_a_wrong_certificate_touches_no_host(shop: Shop) -> None:
    data, _, _ = pfx("91110108MA01A2B3C4")
    shop.bench.write({"files/a.pfx": data})
    for given, code in (
        ({"source": "a.pfx", "password": "no"}, "certificate-password"),
        ({"source": "a.pfx"}, "certificate-password-missing"),
        ({"source": "b.pfx"}, "play-file-missing"),
        ({"sourse": "a.pfx"}, "state-unknown"),
        ("a.pfx", "state-not-mapping"),
    ):
        shop.play({"authentication": {"certificate": given}})
        found, document = shop.json("plan", "play.yml")
        assert (found, codes(document)[:1]) == (2, [code]), document
    assert not Path(shop.one.folder, "Cert").exists()


# Passwords


def rotating(shop: Shop, before: str | None, since: str = "2025-06-01") -> None:
    """Let the vault hold the new password, and what it was before."""
    instance = shop.vars["instances"][0]
    instance["certificate_password"] = NEW
    instance["certificate_password_before"] = before
    shop.play({"authentication": {"password": {"changed_since": since}}})


def test_a_password_is_changed_once(shop: Shop) -> None:
    old = shop.one.password
    rotating(shop, old)
    (step,) = steps_of(shop.plan())
    (change,) = step["changes"]
    assert (change["before"], change["after"], step["risk"]) == (LONG_AGO, "2025-06-01", "professional")
    assert step["irreversible"] is True
    for lang in ("en", "zh"):
        text = shown(shop, "plan", "play.yml", "--lang", lang)
        assert LONG_AGO in text
        assert NEW not in text
        assert old not in text
    before = pid(shop)
    document = shop.apply()
    assert pid(shop) == before
    assert shop.ask("login", "--password-stdin", stdin=old).code == 14
    assert shop.ask("login", "--password-stdin", stdin=NEW).code == 0
    assert NEW not in str(document)
    # It is new enough now: nothing is tried, whatever the vault says it was before.
    rotating(shop, "something else")
    shop.plan(code=0)
    assert tries_left(shop) == 5
    for path in shop.bench.folder.rglob("*"):
        if path.is_file() and path.name != "hosts.yml":
            content = path.read_bytes()
            assert NEW.encode() not in content, path
            assert old.encode() not in content, path


def test_a_wrong_password_is_given_once_and_never_again(shop: Shop) -> None:
    rotating(shop, "falsch")
    document = shop.apply(code=5)
    assert "command-failed" in codes(document)
    assert tries_left(shop) == 4
    for _ in range(2):
        document = shop.apply(code=4)
        assert codes(document) == ["secret-wrong-before"]
        assert tries_left(shop) == 4
    # Somebody logs in by hand: the count is full again, and the right old password is taken.
    shop.log_in()
    rotating(shop, shop.one.password)
    shop.apply()
    assert shop.do("status")["password_changed"] > LONG_AGO


def test_the_last_try_is_never_used(shop: Shop) -> None:
    told(shop, LONG_AGO, 1)
    rotating(shop, shop.one.password)
    assert codes(shop.apply(code=4)) == ["pin-last-try"]
    assert tries_left(shop) == 1


def test_a_rotation_needs_both_passwords(shop: Shop) -> None:
    rotating(shop, None)
    _, document = shop.json("plan", "play.yml")
    (error,) = [each for each in errors_in(document) if each["code"] == "secret-missing"]
    assert error["args"]["variable"] == "certificate_password_before"
    assert tries_left(shop) == 5


def test_nobody_logs_in_while_the_password_is_due(shop: Shop) -> None:
    rotating(shop, shop.one.password)
    code, document = shop.json("verify", "play.yml", "--issue")
    assert (code, codes(document)) == (5, ["password-due"])
    assert tries_left(shop) == 5


# Endpoints


def upload(shop: Shop, **told: Any) -> None:
    shop.play({"endpoints": {"upload": told}}, verify={"level": "ready"})


def test_an_address_is_set_and_its_server_watched(shop: Shop, server: UploadServer) -> None:
    upload(shop, address=server.url, tries=4, loss=0, latency=5000)
    plan = shop.plan()
    (step, _) = steps_of(plan)
    assert step["changes"][0]["after"] == server.url
    assert step["changes"][0]["place"]["file"].endswith("play.yml")
    found = conditions(plan)
    assert {name.rpartition(".")[2]: each["ok"] for name, each in found.items()} == {
        "reachable": True, "loss": True, "latency": True,
    }  # fmt: skip
    assert found["endpoints.upload.latency"]["found"] > 0
    shop.apply()
    shop.plan(code=0)
    assert shop.guiwei("verify", "play.yml").code == 0
    # An unsteady line: nothing to do, but it differs, in words too, and the verification says so.
    server.dropping = 2
    plan = shop.plan()
    assert steps_of(plan) == []
    loss = conditions(plan)["endpoints.upload.loss"]
    assert (loss["ok"], loss["wanted"], loss["found"]) == (False, "≤ 0", 0.5)
    for lang, word in (("en", "upload server"), ("zh", "上传服务器")):
        text = shown(shop, "plan", "play.yml", "--lang", lang)
        assert word in text
        assert "0.5" in text
        assert "play.yml:" in text
    code, document = shop.json("verify", "play.yml")
    (check,) = [each for each in document["hosts"][0]["instances"][0]["checks"] if each["name"] == loss["field"]]
    assert (code, check["ok"], check["found"]) == (3, False, {"loss": 0.5})
    # What has to be steady in the end is proved after an apply too.
    assert statuses(shop.apply(code=5))["pc1"] == "failed"


def test_a_client_is_not_pointed_at_a_server_that_does_not_answer(shop: Shop, server: UploadServer) -> None:
    upload(shop, address=server.url)
    shop.apply()
    before = shop.snapshot()
    upload(shop, address="http://127.0.0.1:9/upload", tries=1)
    for command in ("plan", "apply"):
        found, document = shop.json(command, "play.yml", *(["--yes"] if command == "apply" else []))
        assert (found, codes(document)) == (4, ["endpoint-unreachable"])
        (error,) = errors_in(document)[:1]
        assert error["args"]["own"] == server.url
    assert shop.snapshot() == before


def test_a_server_that_the_client_names_itself_is_watched(shop: Shop, server: UploadServer) -> None:
    place = Path(shop.one.folder, "Config", "安全接入地址.txt")
    place.write_bytes(f"{server.url}\r\n".encode())
    upload(shop, tries=2, loss=0)
    assert conditions(shop.plan(code=0))["endpoints.upload.loss"]["found"] == 0
    # Nothing is to be changed, so a silent server, or none, is told and refuses nothing.
    place.write_bytes(b"http://127.0.0.1:9/upload\r\n")
    assert conditions(shop.plan())["endpoints.upload.reachable"]["found"] is False
    place.unlink()
    condition = conditions(shop.plan())["endpoints.upload.reachable"]
    assert (condition["ok"], condition["found"], condition["error"]["code"]) == (False, None, "reference-undefined")


def test_the_address_is_the_province_s_and_the_device_s(shop: Shop, server: UploadServer) -> None:
    other = UploadServer().start()
    try:
        table = {"33": "http://127.0.0.1:9/zj", "99": {"RSA": server.url, "国密": other.url}}
        for kind, wanted in (("金税盘", server), ("税务UKey", other)):
            contents = disks.unplug(shop.root)
            disks.plug(shop.root, {**contents, "kind": kind})
            shop.play({"endpoints": {"upload": {"addresses": table, "tries": 2}}})
            shop.apply()
            assert Path(shop.one.folder, "Config", "安全接入地址.txt").read_bytes() == f"{wanted.url}\r\n".encode()
            shop.plan(code=0)
    finally:
        other.stop()
    shop.play({"endpoints": {"upload": {"addresses": {"33": server.url}}}})
    found, document = shop.json("plan", "play.yml")
    assert (found, codes(document)) == (2, ["endpoint-no-province"])


def test_what_an_endpoint_may_not_say(shop: Shop) -> None:
    for told, code in (
        ({"address": "nowhere"}, "value-url"),
        ({"address": "http://a/", "addresses": {"99": "http://b/"}}, "endpoint-address-twice"),
        ({"addresses": {"9": "http://b/"}}, "endpoint-province"),
        ({"addresses": {"99": {"RAS": "http://b/"}}}, "endpoint-family"),
        ({"addresses": []}, "endpoint-table"),
        ({"address": "{{ facts.hostname }}"}, "endpoint-late"),
        ({"tries": 0}, "endpoint-tries"),
        ({"loss": 5}, "value-limits"),
        ({"latency": "fast"}, "value-number"),
        ({"reachable": False}, "endpoint-reachable"),
        ({"speed": 1}, "state-unknown"),
    ):
        upload(shop, **told)
        found, document = shop.json("plan", "play.yml")
        assert (found, codes(document)[:1]) == (2, [code]), (told, document)
    shop.play({"endpoints": {"upload": {"address": "http://a/"}}, "parameters": {"upload_address": "http://b/"}})
    assert codes(shop.json("plan", "play.yml")[1]) == ["endpoint-address-twice"]


# Maintenance


def test_the_client_backs_itself_up_every_week(shop: Shop) -> None:
    shop.play({"maintenance": {"backup": "weekly 周一 3:00"}})
    (step,) = steps_of(shop.plan())
    assert {change["field"]: change["after"] for change in step["changes"]}["when"] == "weekly Mon 03:00"
    for lang, word in (("en", "the client's own backup"), ("zh", "客户端自动备份")):
        assert word in shown(shop, "plan", "play.yml", "--lang", lang)
    before = pid(shop)
    shop.apply()
    assert pid(shop) == before
    (job,) = (shop.bench.root / "etc/cron.d").iterdir()
    line = job.read_text("utf-8").splitlines()[-1]
    assert line.startswith("0 3 * * 1 root ")
    subprocess.run(["/bin/sh", "-c", line.split(" ", 6)[6].replace("\\%", "%")], check=True, capture_output=True)
    (copy,) = (shop.bench.root / "var/backups/兰台开票" / shop.one.instance.replace(".", "-")).iterdir()
    with closing(sqlite3.connect(copy / "lantai.db")) as database:
        assert database.execute("SELECT count(*) FROM invoice").fetchone() == (60,)
    shop.plan(code=0)
    # Somebody adds a line of his own, and takes the time forward.
    job.write_text(job.read_text("utf-8").replace("0 3 * * 1", "30 4 * * 1") + "* * * * * root /tmp/x\n", "utf-8")
    (step,) = steps_of(shop.plan())
    assert {change["field"]: change["cause"] for change in step["changes"]} == {"when": "drift", "foreign": "drift"}
    shop.apply()
    assert job.read_text("utf-8").splitlines()[-1] == line
    shop.play({"maintenance": {"backup": {"when": "monthly"}}})
    assert codes(shop.json("plan", "play.yml")[1]) == ["schedule-when"]


def test_the_age_of_versions_is_told_and_judged(shop: Shop) -> None:
    shop.play({"maintenance": {"version_age": 400, "driver_age": 5000}}, verify={"level": "ready"})
    plan = shop.plan("--at", "2027-01-01", code=0)
    assert {name: (each["ok"], each["found"]) for name, each in conditions(plan).items()} == {
        "maintenance.version_age": (True, 122), "maintenance.driver_age": (True, 334),
    }  # fmt: skip
    # The driver is a year older then, and the client too.
    plan = shop.plan("--at", "2028-01-01")
    assert steps_of(plan) == []
    assert {name: (each["ok"], each["found"]) for name, each in conditions(plan).items()} == {
        "maintenance.version_age": (False, 487), "maintenance.driver_age": (True, 699),
    }  # fmt: skip
    for lang, word in (("en", "age of the disk driver"), ("zh", "税控盘驱动")):
        text = shown(shop, "plan", "play.yml", "--at", "2028-01-01", "--lang", lang)
        assert word in text
        assert "487" in text
        assert "699" in text
    code, document = shop.json("verify", "play.yml", "--at", "2028-01-01")
    checks = {each["name"]: each["ok"] for each in document["hosts"][0]["instances"][0]["checks"]}
    assert (code, checks["maintenance.version_age"], checks["maintenance.driver_age"]) == (3, False, True)
    for told, error in (({"version_age": 0}, "value-limits"), ({"driver_age": "old"}, "value-number")):
        shop.play({"maintenance": told})
        assert codes(shop.json("plan", "play.yml")[1]) == [error]


def test_a_host_that_nobody_looked_at_is_told(shop: Shop, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.play({"maintenance": {"audit": 7}})
    plan = shop.plan()
    assert (steps_of(plan), conditions(plan)["maintenance.audit"]["found"]) == ([], None)
    # A verification or an apply is a look itself, and so is `guiwei drift`: each is in the history.
    shop.apply()
    soon, at = (
        (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days, hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for days in (0, 8)
    )
    assert conditions(shop.plan("--at", soon, code=0))["maintenance.audit"]["found"] == 0
    plan = shop.plan("--at", at)
    assert (conditions(plan)["maintenance.audit"]["ok"], conditions(plan)["maintenance.audit"]["found"]) == (False, 8)
    for lang, word in (("en", "audit for drift"), ("zh", "漂移审计")):
        assert word in shown(shop, "plan", "play.yml", "--at", at, "--lang", lang)
    monkeypatch.setattr("guiwei.cli.drift.now", lambda: at)
    assert shop.guiwei("drift", "play.yml").code == 0
    assert conditions(shop.plan("--at", at, code=0))["maintenance.audit"]["found"] == 0
    (newest, *_) = json.loads(run("runs", "--json").out)["runs"]
    assert (newest["command"], newest["statuses"]) == ("drift", {"unchanged": 1})


def test_what_a_policy_says_holds_from_its_day(shop: Shop, server: UploadServer) -> None:
    with UploadServer() as new:
        shop.play(
            {
                "endpoints": {"upload": {"addresses": {"99": server.url}, "tries": 1}},
                "maintenance": {"backup": "daily 03:00"},
            },
            policies=[
                {
                    "name": "new server",
                    "effective_from": "2027-01-01",
                    "state": {
                        "endpoints": {"upload": {"addresses": {"99": {"RSA": new.url, "国密": server.url}}}},
                        "maintenance": {"backup": "daily 02:00"},
                    },
                }
            ],
        )
        shop.apply()
        shop.plan("--at", "2026-12-31T23:59", code=0)
        plan = shop.plan("--at", "2027-01-01")
        changes = [change for step in steps_of(plan) for change in step["changes"] if change["origin"] == "policy"]
        assert {(each["after"], each["policy"]) for each in changes} == {
            (new.url, "new server"), ("daily 02:00", "new server"),
        }  # fmt: skip
        assert {condition["policy"] for condition in conditions(plan).values()} == {"new server"}

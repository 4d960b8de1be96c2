"""Secrets that a person planted: nothing that a run writes or starts holds one of them."""

import json
import os
import stat
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace

import psutil
import pytest
from fake_kubernetes import cluster
from misbehaving import misbehaving

SECRETS = {
    "HF_TOKEN": "hf_PLANTEDhubTOKEN",
    "JUDGE_KEY": "PLANTEDjudgeKEY",
    "PARAPHRASE_KEY": "PLANTEDparaphraseKEY",
    "password": "PLANTEDpassWORD",
    "query": "PLANTEDqueryKEY",
    "user": "PLANTEDuser",
}


@pytest.fixture
def server():
    with misbehaving(
        lambda prompt: "Where would I find it?\n" if "Reword" in prompt else '{"verdict": "right"}'
    ) as one:
        yield one


@pytest.fixture
def planted(fresh_but_trained, server, monkeypatch):
    """A project whose judge and paraphrases are on a server behind a password, a query key and a bearer key."""
    for name in ("HF_TOKEN", "JUDGE_KEY", "PARAPHRASE_KEY"):
        monkeypatch.setenv(name, SECRETS[name])
    user = f"//{SECRETS['user']}:{SECRETS['password']}@"
    url = server.url.replace("//", user) + f"?api_key={SECRETS['query']}"
    project = fresh_but_trained
    project.configure(
        evaluate={"max_new_tokens": 4, "judge": {"url": url, "model": "m", "key_env": "JUDGE_KEY"}},
        augment={
            "providers": ["rules", "endpoint"],
            "endpoint": {"url": url, "model": "m", "key_env": "PARAPHRASE_KEY"},
        },
    )
    return project


def leaks(text):
    return [name for name, secret in SECRETS.items() if secret in text]


def leaking_files(project):
    """Files of the project, but for what the person wrote, that hold a secret."""
    found = {}
    for path in project.folder.rglob("*"):
        with suppress(OSError):  # gone in the meantime
            if (
                path.is_file()
                and path != project.config
                and (held := leaks(path.read_bytes().decode("latin-1")))
            ):
                found[str(path.relative_to(project.folder))] = held
    return found


@contextmanager
def watched(project):
    """Collects what command lines and files hold while the block runs; several times a second."""
    found, over = {}, threading.Event()

    def watch():
        while not over.is_set():
            for process in psutil.process_iter():
                with suppress(psutil.Error):
                    if held := leaks(" ".join(process.cmdline())):
                        found[process.name()] = held
            found.update(leaking_files(project))
            time.sleep(0.2)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


@pytest.mark.slow
def test_nothing_that_a_run_writes_or_starts_holds_a_secret(planted, server):
    with watched(planted) as found:
        run = planted.snakemake()
    assert run.code == 0, run.output
    assert {headers["Authorization"] for _, headers, _ in server.seen} == {
        f"Bearer {SECRETS['JUDGE_KEY']}", f"Bearer {SECRETS['PARAPHRASE_KEY']}",
    }  # fmt: skip
    assert found == {} and leaking_files(planted) == {} and leaks(run.output) == []
    page = planted.path("results/report/index.html").read_text()
    assert server.url in page  # the address itself is shown


@pytest.mark.parametrize(
    "deed", [500, (401, '{"error": {"message": "no: @"}}', ""), (308, "", "http://@/v1?api_key=@")]
)
def test_no_message_about_a_server_holds_a_secret(planted, server, deed):
    every = " ".join(SECRETS.values())
    filled = (
        tuple(part.replace("@", every) if isinstance(part, str) else part for part in deed)
        if isinstance(deed, tuple)
        else deed
    )
    server.script["Reword"] = [filled] * 1000
    run = planted.snakemake("results/augment/stats.json")
    assert run.code != 0 and "augment.endpoint" in run.output
    # A server that echoes a key gets that key masked; keys that it was never sent it cannot echo.
    assert set(leaks(run.output)) <= {"HF_TOKEN", "JUDGE_KEY", "user"} and not leaking_files(planted).get(
        "results"
    )
    if deed == 500:
        assert leaks(run.output) == [] and leaking_files(planted) == {}


def test_the_manifests_of_pods_hold_no_secret(planted, house, tmp_path, monkeypatch):
    profile = "profiles/kubernetes/config.yaml"
    house.edit(profile, "seconds-between-status-checks: 20", "seconds-between-status-checks: 1")
    project = replace(planted, house=house)
    with cluster(tmp_path) as (fake, kubeconfig):
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        done = project.python(
            *project.launcher("--profile", "kubernetes"), "--", "results/validate/stats.json"
        )
        assert done.code == 0, done.output
        assert fake.jobs and leaks(json.dumps([fake.jobs, fake.secrets], default=str)) == []
    assert leaks(done.output) == [] and leaking_files(project) == {}


def test_what_slurm_is_given_holds_no_secret(planted, tmp_path, monkeypatch):
    """A stand-in for sbatch notes its arguments and input, and refuses the job."""
    programs, noted = tmp_path / "bin", tmp_path / "noted"
    programs.mkdir()
    noted.touch()
    for name in ("sbatch", "squeue", "sacct", "sacctmgr", "sinfo", "scontrol", "scancel"):
        program = programs / name
        refusing = (
            f'printf "%s\\n" "$0" "$@" >> {noted}; timeout 1 cat >> {noted}; exit 1'
            if name == "sbatch"
            else "exit 0"
        )
        program.write_text(f"#!/bin/sh\n{refusing}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    done = planted.python(*planted.launcher("--profile", "slurm"), "--", "results/validate/stats.json")
    assert done.code != 0
    text = noted.read_text()
    assert "sbatch" in text and "snakemake" in text and leaks(text) == []
    assert leaks(done.output) == [] and leaking_files(planted) == {}

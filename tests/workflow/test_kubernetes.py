"""The pods that profiles/kubernetes asks for, and that their commands do the work (fake_kubernetes.py)."""

import tomllib
from dataclasses import replace

import pytest
import yaml
from fake_kubernetes import cluster
from harness import ROOT

PROFILE = "profiles/kubernetes/config.yaml"
SPLIT = "results/split/manifest.json"


@pytest.fixture
def fake(tmp_path, monkeypatch):
    with cluster(tmp_path) as (found, kubeconfig):
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        yield found


@pytest.fixture
def project(fresh_but_trained, house):
    house.edit(PROFILE, "seconds-between-status-checks: 20", "seconds-between-status-checks: 1")
    house.edit(PROFILE, "latency-wait: 60", "latency-wait: 10")
    return replace(fresh_but_trained, house=house)


def run(project, *arguments):
    return project.python(*project.launcher("--profile", "kubernetes"), "--", *arguments)


def pods_by_rule(fake):
    """Each job's pod specification, by the rule that its command runs."""
    specs = [job["spec"]["template"]["spec"] for job in fake.jobs.values()]
    return {rule_of(spec["containers"][0]["args"][1]): spec for spec in specs}


def rule_of(command):
    return command.partition("--allowed-rules ")[2].split()[0].strip("'")


@pytest.mark.slow
def test_whole_project(project, fake):
    done = run(project)
    assert done.code == 0, done.output
    assert project.path("results/report/index.html").exists()
    pods = pods_by_rule(fake)
    assert set(pods) == {
        "validate_file", "validate", "dedup", "augment", "split", "train", "evaluate", "report",
    }  # fmt: skip
    for rule, spec in pods.items():
        (container,) = spec["containers"]
        wanted = container["resources"]
        assert container["image"] == "qaloom:0.1.0"
        assert {"name": "qaloom", "mountPath": "/qaloom"} in container["volumeMounts"]
        assert {"name": "qaloom", "persistentVolumeClaim": {"claimName": "qaloom"}} in spec["volumes"]
        gpu = {"nvidia.com/gpu": "1"} if rule in ("train", "evaluate") else {}
        for part in ("requests", "limits"):
            assert {k: v for k, v in wanted[part].items() if k == "nvidia.com/gpu"} == gpu, rule
        assert wanted["limits"]["memory"] == wanted["requests"]["memory"]
        assert bool(spec.get("tolerations")) == bool(gpu)
    assert pods["train"]["containers"][0]["resources"]["limits"] == {
        "cpu": "8000m", "memory": "16000M", "ephemeral-storage": "5000M", "nvidia.com/gpu": "1",
    }  # fmt: skip
    assert sorted(fake.deleted) == sorted(fake.jobs)
    assert fake.secrets == []


def test_pod_that_fails_is_tried_again_with_more(project, fake, house):
    """Up to the first stage alone; the second attempt asks for twice the memory."""
    house.edit("scripts/validate.py", "    gather(", "    os.environ['GONE']\n    gather(")
    house.edit(PROFILE, "retries: 2", "retries: 1")
    done = run(project, "results/validate/stats.json")
    assert done.code != 0
    asked = [
        job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
        for job in fake.jobs.values()
        if rule_of(job["spec"]["template"]["spec"]["containers"][0]["args"][1]) == "validate"
    ]
    assert asked == ["2000M", "4000M"]
    assert "qaloom: unexpected NameError" in done.output


def test_the_launcher_and_the_profile_agree():
    """One image, one claim at one path, and the rights that the executor's calls need."""
    manifests = list(yaml.safe_load_all((ROOT / "profiles/kubernetes/launcher.yaml").read_text()))
    profile = yaml.safe_load((ROOT / PROFILE).read_text())
    by_kind = {one["kind"]: one for one in manifests}
    pod = by_kind["Pod"]["spec"]
    claim, _, path = profile["kubernetes-volume-persistent-volumes"][0].partition(":")
    assert pod["containers"][0]["image"] == profile["container-image"]
    assert pod["containers"][0]["volumeMounts"] == [{"name": claim, "mountPath": path}]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim
    assert by_kind["PersistentVolumeClaim"]["metadata"]["name"] == claim
    assert by_kind["PersistentVolumeClaim"]["spec"]["accessModes"] == ["ReadWriteMany"]
    verbs = {kind: set(rule["verbs"]) for rule in by_kind["Role"]["rules"] for kind in rule["resources"]}
    assert verbs["jobs"] >= {"create", "delete"}
    assert verbs["jobs/status"] >= {"get"}
    assert verbs["pods"] >= {"list", "delete"}
    assert verbs["secrets"] == {"create", "delete"}


def test_image_tag_is_the_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert yaml.safe_load((ROOT / PROFILE).read_text())["container-image"] == f"qaloom:{version}"

"""A project to begin with: it is complete, it is the run's configuration there, and nothing is written over."""

import pytest

from qaloom.config.load import DEMO, load_config, sources
from qaloom.errors import ConfigError
from qaloom.workflow.init import init
from qaloom.workflow.run import _find


def test_a_new_project_is_the_demo_in_a_folder_of_its_own(tmp_path, capsys):
    project = tmp_path / "new/project"
    init(project)
    settings = load_config(project / "config.yaml")
    assert settings == load_config(DEMO)
    assert len(sources(settings["data"]["sources"], project)) > 3
    assert f"cd {project} && qaloom run -n" in capsys.readouterr().err


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "config.yaml").write_text("mine")
    with pytest.raises(ConfigError, match=r"config.yaml is there already; name another folder"):
        init(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_run_takes_the_folders_own_configuration(tmp_path):
    assert _find(None, tmp_path) == DEMO
    (tmp_path / "config.yaml").touch()
    assert _find(None, tmp_path) == tmp_path / "config.yaml"

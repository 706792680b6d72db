"""The parts of dbt that are replaced are there, and the replacements say what dbt's own said."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
from dbt.plugins.manager import PluginManager
from dbt_common.behavior_flags import BehaviorFlagRendered
from platform_assets.dbt.quick_start import quicken

def answers():
    flag = BehaviorFlagRendered({"name": "odd", "default": False, "description": "An odd one."}, {})
    return PluginManager.get_prefixed_modules(), flag._behavior_change_event.flag_source

before, parts = answers(), (PluginManager.get_prefixed_modules, BehaviorFlagRendered._default_source)
quicken()
assert answers() == before, (answers(), before)
assert before[1] == "__main__", before
assert PluginManager.get_prefixed_modules not in parts and BehaviorFlagRendered._default_source not in parts
assert PluginManager(plugins=[]).get_prefixed_modules() == before[0]
"""


def test_the_answers_are_those_of_dbt(tmp_path: Path) -> None:
    (tmp_path / "asking.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, str(tmp_path / "asking.py")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

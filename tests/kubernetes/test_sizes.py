"""The file of size classes: what a pod gets, which size comes next, and every mistake with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_assets.kubernetes.sizes import SizesError, read_sizes
from tests.kubernetes.deployment import SIZES


def written(folder: Path, text: str) -> Path:
    path = folder / "sizes.yaml"
    path.write_text(text)
    return path


def test_sizes_and_what_comes_after_them(tmp_path: Path) -> None:
    sizes = read_sizes(written(tmp_path, SIZES))
    assert sizes.of([]).name == "small"
    assert sizes.of(["medium", "small", "unknown"]).name == "medium"
    assert sizes.of(["medium", "gpu"]).name == "gpu"
    after = [sizes.next(sizes.sizes[name]) for name in ("small", "medium", "large", "gpu")]
    assert [size.name if size else None for size in after] == ["medium", "large", None, None]


def test_a_pod_has_what_its_size_and_its_owners_say(tmp_path: Path) -> None:
    sizes = read_sizes(written(tmp_path, SIZES))
    config = sizes.config(sizes.sizes["gpu"], ["team:finance", "somebody@example.com"])
    resources = config["container_config"]["resources"]
    assert resources == {"requests": {"memory": "4Gi"}, "limits": {"memory": "4Gi", "nvidia.com/gpu": "1"}}
    assert config["pod_spec_config"] == {"node_selector": {"pool": "finance"}, "priority_class_name": "high"}
    assert sizes.sizes["gpu"].pod == {"node_selector": {"pool": "gpu"}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("default: small\n", "sizes: no size is listed"),
        ("sizes:\n  small: {cpu: 1}\n", "sizes.small: memory is missing"),
        ("sizes:\n  small: {memory: much}\n", "2: sizes.small.memory: 'much' is no quantity"),
        ("sizes:\n  small: {memory: -1Gi}\n", "sizes.small.memory: '-1Gi' is no quantity"),
        ("sizes:\n  small: {memory: 1Gi, memroy: 2Gi}\n", "memroy"),
        ("default: big\nsizes:\n  small: {memory: 1Gi}\n", "1: default: 'big' is no size"),
        ("sizes:\n  small: {memory: 1Gi, nodeSelector: gpu}\n", "nodeSelector: 'gpu' must be a dict"),
        ("sizes:\n  small: {memory: 1Gi, ladder: maybe}\n", "ladder: 'maybe' must be true or false"),
        ("sizes:\n  small: {memory: 1Gi}\nteams:\n  a: {color: red}\n", "color"),
        ("sizes: [small]\n", "sizes"),
        ("- a\n", ""),
        ("sizes: {\n", ""),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SizesError) as error:
        read_sizes(written(tmp_path, text))
    assert "sizes.yaml:" in str(error.value)
    assert says in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"run_launcher\.config\.sizes"):
        read_sizes(tmp_path / "sizes.yaml")

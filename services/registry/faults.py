"""What can be wrong with a set of areas, in words for whoever must mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["left_out", "repaired", "kept", "refused"]

TEXTS: Mapping[str, Mapping[str, str]] = {
    "missing_column": {
        "en": "there is no column or property {value}",
        "zh": "没有列或属性 {value}",
    },
    "missing_code": {"en": "the code is empty", "zh": "编码为空"},
    "missing_name": {"en": "the name is empty", "zh": "名称为空"},
    "bad_template": {
        "en": "the mapping cannot be filled in: {value}",
        "zh": "映射无法填充：{value}",
    },
    "bad_households": {
        "en": "households must be a whole number from 0 on, not {value}",
        "zh": "户数必须是非负整数，而不是 {value}",
    },
    "unknown_level": {"en": "{value} is no level", "zh": "{value} 不是有效层级"},
    "repeated_code": {
        "en": "the code was used before; the first one stays",
        "zh": "编码重复，保留第一个",
    },
    "orphan": {"en": "the parent {value} is not in the set", "zh": "上级 {value} 不在数据集中"},
    "parent_required": {"en": "only a city has no parent", "zh": "只有城市可以没有上级"},
    "city_has_no_parent": {"en": "a city has no parent", "zh": "城市没有上级"},
    "skipped_level": {
        "en": "the parent {value} is not of the level above",
        "zh": "上级 {value} 不是紧邻的上一层级",
    },
    "cycle": {"en": "the area is among its own ancestors", "zh": "区域是其自身的上级"},
    "two_roots": {
        "en": "a set has exactly one city, this one has {value}",
        "zh": "数据集须恰有一个城市，现有 {value} 个",
    },
    "no_community": {"en": "the set has no level 1 cell", "zh": "数据集没有一级网格"},
    "invalid_polygon": {
        "en": "the polygon is not valid: {value}",
        "zh": "多边形无效：{value}",
    },
    "no_polygon": {
        "en": "there is no usable polygon: {value}",
        "zh": "没有可用的多边形：{value}",
    },
    "overlap": {
        "en": "overlaps its neighbour {value} m²",
        "zh": "与相邻区域重叠 {value} 平方米",
    },
    "outside_parent": {
        "en": "lies {value} m² outside its parent",
        "zh": "超出上级区域 {value} 平方米",
    },
    "unreadable": {"en": "the file cannot be read: {value}", "zh": "文件无法读取：{value}"},
}


@dataclass(frozen=True, slots=True)
class Fault:
    """`index`: row or feature from 0, None for the set. `path`: what in it. `area`: code, if known.

    `outcome`: what a load that is not strict does about it; `refused` is the end of any load.
    """

    index: int | None
    path: str
    code: str
    outcome: Outcome
    area: str | None = None
    value: str = ""

    def message(self, language: str = "zh") -> str:
        texts = TEXTS[self.code]
        return texts.get(language, texts["zh"]).format(value=self.value)

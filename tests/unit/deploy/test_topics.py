"""The file of topics is read whole, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.common import topics
from libs.common.topics import TopicsError


def test_an_intake_topic_without_one_for_its_receipts_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    topic = "{owner: district, readers: [leads], retention_days: 7}"
    file.write_text(
        f"partitions: 12\nreplication: 1\ntopics:\n  civicgrid.intake.district: {topic}"
    )
    with pytest.raises(TopicsError, match=r"needs civicgrid.receipts.district"):
        topics.read(file)

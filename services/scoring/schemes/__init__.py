"""The schemes of this city, each a document; a change of one is a new version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from libs.common.files import read_yaml
from services.scoring.domain.scheme import Scheme

FOLDER = Path(__file__).parent


def _read(path: Path) -> Scheme:
    return Scheme.model_validate(read_yaml(path))


SCHEMES: Mapping[str, Scheme] = {
    scheme.id: scheme for scheme in map(_read, sorted(FOLDER.glob("*.yaml")))
}
LIVE: tuple[Scheme, ...] = tuple(scheme for scheme in SCHEMES.values() if scheme.is_live)

"""Things that must not exist are nowhere, and whoever tries to add one is stopped (row P22)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from cli import contracts
from cli.city import SERVICES
from libs.common.http import NewCode, NewTerm, may_be
from libs.privacy.forbidden import groups, why_not
from libs.rights import policy
from services.leads.bodies import LeadBody, RulesBody
from services.mediation.bodies import CaseBody
from services.registry.bodies import AreaBody
from services.registry.reference import generator
from tests.support import fields
from tests.support.routes import routes_of
from tests.support.servers import ROOT
from tests.support.town import PLAN, SEED

DOCUMENTS = contracts.documents(SERVICES)
FILES = sorted(
    file
    for folder in ("libs", "services", "deploy")
    for file in (ROOT / folder).rglob("*.yaml")
    if file.name != "forbidden.yaml"
)


def names_in(told: Any) -> Iterator[str]:
    """Keys and texts, however deep."""
    if isinstance(told, dict):
        for key, value in told.items():
            yield str(key)
            yield from names_in(value)
    elif isinstance(told, list):
        for one in told:
            yield from names_in(one)
    elif isinstance(told, str):
        yield told


def test_no_field_is_called_so() -> None:
    found = {name for names in fields.of_code(SERVICES).values() for name in names}
    assert {name: why for name in found if (why := why_not(name))} == {}


@pytest.mark.parametrize("path", sorted(DOCUMENTS))
def test_no_contract_speaks_of_it(path: str) -> None:
    """Names and values of events, topics and bodies."""
    assert {name: why for name in names_in(DOCUMENTS[path]) if (why := why_not(name))} == {}


def test_no_route_event_or_aggregate_is_called_so() -> None:
    found = [route.path for one in SERVICES for route in routes_of(one)]
    found += [action for actions in policy.read().values() for action in actions]
    found += [event.type for one in SERVICES for event in one.publishes]
    found += [decider.name for one in SERVICES for decider in one.deciders]
    assert [name for name in found if why_not(name)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_rule_and_no_template_speaks_of_it(file: Path) -> None:
    for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        assert {name: why for name in names_in(document) if (why := why_not(name))} == {}


@pytest.mark.parametrize(
    "name", ["interface", "surface", "template", "track", "fire_risk", "score"]
)
def test_what_only_sounds_alike_may_be(name: str) -> None:
    assert why_not(name) is None


ENGLISH = (
    *("face", "faceTemplate", "facial_features", "FingerPrint", "fingerprint_hash", "voiceprint"),
    *("gaitModel", "iris_code", "biometric_id", "palmprint", "licence_plate", "plateNumber"),
    *("trajectory", "live_position", "liveLocation", "last_seen_at", "location_history", "gps"),
    *(
        "ethnicity",
        "ethnic_group",
        "race",
        "religion",
        "religiousGroup",
        "faith",
        "politicalStatus",
    ),
    *("political_opinion", "opinion", "stance", "petitioner", "isPetitioner", "partyMember"),
    *("person_score", "personalRank", "residentRating", "citizen-score", "risk_score", "blacklist"),
    *("socialCredit", "trust.score", "watchlist", "danger level", "key_person", "residentRisk"),
)
CHINESE = (
    *("人脸", "人脸模板", "面部特征", "指纹", "声纹", "步态", "虹膜", "生物特征", "车牌号", "轨迹"),
    *("行踪", "实时位置", "民族", "宗教信仰", "政治面貌", "党派", "立场", "思想动态", "信访人"),
    *("上访次数", "个人评分", "居民积分", "信用分", "风险人员", "危险等级", "黑名单", "重点人员"),
)
ENCODED = tuple(
    base64.b64encode(name.encode()).decode() for name in (*CHINESE[:10], *ENGLISH[1:6], "ethnicity")
)
TERMS = (
    *("religion", "petitioner", "ethnicity", "race", "faith", "political_status", "opinion"),
    *("reported_opinion", "is_petitioner", "party_member", "minority_group", "beliefs", "stance"),
    *("person_score", "resident_rank", "citizen_risk", "risk_score", "social_credit", "blacklist"),
    *("focus_person", "threat_level", "face_id", "faceprint", "gait", "iris", "voice_template"),
    *("fingerprints", "dna", "licence_plate", "number_plate", "live_position", "last_seen"),
    *("movement_track", "gps", "trajectories", "stalking", "recidivism", "sexual_orientation"),
    *("zongjiao", "is_xinfangren", "heimingdan", "renlian", "chepai_number"),
    *("religions", "risk_scores", "resident_ranks", "riskscore", "lastseen", "f_a_c_e"),
)
"""As callers would choose them for a reason or an outcome."""
MANY = (
    *(
        "faces",
        "religions",
        "races",
        "ethnicities",
        "risk_scores",
        "resident_ranks",
        "person_risks",
    ),
    *("citizen_ratings", "residents_risk", "party_members", "face_ids", "location_histories"),
)
"""More than one of it."""
JOINED = (
    *("riskscore", "socialcredit", "faceid", "lastseen", "liveposition", "fingerprint_of"),
    *("petition_er", "f_a_c_e", "hei_ming_dan", "xin_fang_ren", "ranks_resident", "scorerisk"),
)
"""Words run into one, or taken apart."""
WIDE = ("ｆａｃｅ", "ｒｅｌｉｇｉｏｎ", "人 脸", "民_族", "车-牌", "个人·评分")
ATTEMPTS = (*ENGLISH, *CHINESE, *ENCODED, *WIDE, *MANY, *JOINED)


def test_there_are_a_hundred_attempts() -> None:
    assert len({*ATTEMPTS, *TERMS}) >= 120
    assert all(groups())


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_is_refused_as_a_name_and_as_a_field(name: str) -> None:
    assert why_not(name)
    bodies: tuple[tuple[Any, dict[str, Any]], ...] = (
        (LeadBody, {"lead_type": "theft"}),
        (LeadBody, {"lead_type": "theft", "reporter": {name: "x"}}),
        (CaseBody, {"cell": "c"}),
        (AreaBody, {"code": "c", "name": "n", "level": "city", "polygon": _square(name)}),
    )
    for body, told in bodies:
        nested = "reporter" in told or "polygon" in told
        with pytest.raises(ValidationError):
            body.model_validate_json(json.dumps(told if nested else {**told, name: "x"}))


@pytest.mark.parametrize("name", TERMS)
def test_an_attempt_is_refused_as_a_term_and_as_a_code(name: str) -> None:
    for form in (NewTerm, NewCode):
        with pytest.raises(ValidationError) as raised:
            TypeAdapter[str](form).validate_python(name)
        assert [error["type"] for error in raised.value.errors()] == ["must_not_exist"]


@pytest.mark.parametrize("spelled", [f"A.{name}-1" for name in ("Religion", "GPS", "riskScore")])
def test_a_code_is_refused_however_it_is_spelled(spelled: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[str](NewCode).validate_python(spelled)


@pytest.mark.parametrize("rule", ["id", "lead_type", "source"])
def test_a_routing_rule_names_nothing_of_it(rule: str) -> None:
    told: dict[str, Any] = {"id": "r", "when": {}, "to": "police_room"}
    told["sign_within"] = {"amount": 1, "unit": "working_day"}
    good = RulesBody.model_validate_json(json.dumps({"rules": [told]}))
    assert good.rules[0].id == "r"
    if rule == "id":
        told["id"] = "petitioner"
    else:
        told["when"] = {rule: ["petitioner"]}
    with pytest.raises(ValidationError) as raised:
        RulesBody.model_validate_json(json.dumps({"rules": [told]}))
    assert [error["type"] for error in raised.value.errors()] == ["must_not_exist"]


@pytest.mark.parametrize(
    "term", ["not_ours", "fire_risk", "other", "01a229b7-cd50-707c-aba0-7f9623face95"]
)
def test_ids_and_terms_of_every_day_may_be(term: str) -> None:
    assert may_be(term) == term


def test_nothing_that_the_reference_city_is_called_is_refused() -> None:
    codes = {
        body["code"]
        for _, bodies in generator.batches(PLAN, SEED)
        for body in bodies
        if "code" in body
    }
    assert len(codes) > 50
    assert [code for code in codes if may_be(code) != code] == []


def _square(name: str) -> dict[str, Any]:
    ring = [[119, 36], [119.1, 36], [119.1, 36.1], [119, 36]]
    return {"type": "Polygon", "coordinates": [ring], name: "x"}

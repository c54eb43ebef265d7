"""stand-in"""
from typing import Any

def lines_of(explanation: Any, title: str) -> list[str]:
    return [f"{title} {explanation.verdict.upper()} {explanation.summary}", *(c.text for a in explanation.alternatives for c in a.conditions)]

def lines_of_json(plain: Any, title: str) -> list[str]:
    return [f"{title} {plain['verdict'].upper()} {plain['summary']}"]

def host_lines(host: str, pairs: Any) -> list[str]:
    return [host]

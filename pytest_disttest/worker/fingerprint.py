"""Three names of a host: what it is, who it is, and what software it runs.

``hw_class`` is shared by identical machines, so that their durations count together; ``host_id`` is this machine's
own; ``sw_env`` changes with kernel, drivers and packages. None depends on the order of devices, a bus address, the
hour's free memory, a network's address or a host's name, which CI services invent anew for each job.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

CPU = ("arch", "cpu.vendor-name", "cpu.family", "cpu.model", "cpu.stepping", "cpu.model-name", "cpu.processors",
       "cpu.cores", "cpu.sockets", "cpu.threads-per-core", "cpu.numa-nodes", "disk.rotational",
       "virtualization.is-virtualized")  # fmt: skip
VERSIONS = ("gpu.driver", "gpu.driver-version", "gpu.cuda", "accel.driver", "accel.driver-version")
DMI = ("sys_vendor", "product_name", "board_name")
_COMPUTING = (
    "abm adx aes amx_bf16 amx_int8 amx_tile avx avx2 avx512_bf16 avx512_fp16 avx512_vnni avx512bw avx512cd avx512dq "
    "avx512f avx512vl bmi1 bmi2 cx16 f16c fma gfni movbe pclmulqdq pni popcnt sha_ni sse sse2 sse4_1 sse4_2 ssse3 vaes "
    "asimd asimddp asimdhp atomics bf16 crc32 fphp i8mm pmull sha1 sha2 sve sve2"
)
COMPUTING = frozenset(_COMPUTING.split())
"""What a processor, or the hypervisor before it, can compute. The list is closed because a newer kernel shows more
flags of the same machine: its workarounds, and what it has learnt to name."""
CLOCK = re.compile(r"\s*@.*$")
SALT = "pytest-disttest host 1"


def hardware_class(facts: Mapping[str, Any], devices: Sequence[Mapping[str, Any]], marks: Mapping[str, Any]) -> str:
    """Return the class of a machine with these facts and devices; *marks* are its probes' (DMI, PCI subsystems)."""
    subsystems = marks.get("subsystems", {})
    there = [_kind_of(each, subsystems) for each in devices if each["kind"] in ("gpu", "accel") and _is_hard(each)]
    parts = {key: _steady(key, facts[key]) for key in CPU if key in facts}
    return _digest(
        [
            parts,
            sorted(flag for flag in facts.get("cpu.flag", ()) if flag in COMPUTING),
            nominal(facts["memory"]) if "memory" in facts else None,
            sorted(there),
            [marks.get(name, "") for name in DMI],
        ]
    )


def host_id(machine: str, product: str, devices: Iterable[Mapping[str, Any]], name: str) -> str:
    """Return the id of one machine; "" where nothing tells it from others.

    *machine* is its machine-id, *product* its board's UUID, "" where it cannot be read; *name* is what its owner
    calls it. Clones of one image share the machine-id; their GPUs' UUIDs tell them apart where the board's is hidden.
    """
    uuids = sorted(str(uuid) for each in devices if (uuid := each["facts"].get("gpu.uuid")))
    own = [machine, product.lower() or uuids, name]
    return _digest([SALT, own]) if machine or product or uuids or name else ""


def software(
    facts: Mapping[str, Any], devices: Iterable[Mapping[str, Any]], programs: Sequence[tuple[str, int]] = ()
) -> str:
    """Return the name of the software around the tests: kernel, drivers, CUDA, browsers, Python and its packages.

    Of browsers, *programs* tell which files they are, and since when: to open them for their name would take seconds.
    """
    keys = [
        key for key in facts if key in ("os.name", "os.version", "kernel") or key.startswith(("python.", "package."))
    ]
    versions = {(key, str(each["facts"][key])) for each in devices for key in VERSIONS if key in each["facts"]}
    return _digest([{key: facts[key] for key in keys}, sorted(versions), programs])


def nominal(size: int) -> int:
    """Return the size under which memory is sold that *size* bytes are what is left of: 16 GiB for 15.6.

    The kernel, the firmware and the driver keep some for themselves, a little more or less at each boot. Sizes go in
    eighths between powers of two, so that what misses one by up to 6 % has the same name.
    """
    if size <= 0:
        return 0
    power = 2 ** math.floor(math.log2(size))
    eighths = math.ceil(size * 8 / power)
    return int(power * eighths // 8)


def _kind_of(device: Mapping[str, Any], subsystems: Mapping[str, str]) -> list[Any]:
    facts, kind = device["facts"], device["kind"]
    # A name comes from a library or a file of names that somebody may install: it says something where ids do not.
    ids = ("vendor", "device", "type") if facts.get(f"{kind}.device") else ("vendor-name", "device-name", "type")
    words = [str(facts.get(f"{kind}.{part}", "")) for part in ids]
    return [kind, *words, nominal(facts.get(f"{kind}.memory", 0)), subsystems.get(device.get("address", ""), "")]


def _is_hard(device: Mapping[str, Any]) -> bool:
    return bool(device["facts"].get("gpu.kind") != "software")


def _steady(key: str, value: Any) -> Any:
    return CLOCK.sub("", value) if key == "cpu.model-name" else value  # "... CPU @ 2.20GHz"


def _digest(parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]

"""Every GPU that the PCI bus or the kernel's graphics subsystem shows, whoever made it.

A display controller (class 03xx) is a GPU that can be used where its driver offers a render node; one that only
puts a console on a screen (a board controller's, a virtual machine's) offers none. NVIDIA's own driver has its
library instead, and answers for itself. Linux: Documentation/gpu/drm-uapi.rst ("Render nodes").
"""

from __future__ import annotations

from pytest_disttest.worker.probes.finding import Facts, Finding, Found, Place, device
from pytest_disttest.worker.probes.pci import ACCELERATOR, DISPLAY, Function, functions, held_back, names

DRM = "/sys/class/drm"
VENDORS = {"10de": "NVIDIA", "1002": "AMD", "8086": "Intel", "1af4": "Red Hat", "15ad": "VMware", "1b36": "Red Hat",
           "1234": "QEMU", "1013": "Cirrus Logic", "1414": "Microsoft", "80ee": "VirtualBox", "1a03": "ASPEED",
           "102b": "Matrox", "1ed5": "Moore Threads", "0731": "Jingjia Micro", "1da3": "Habana",
           "1ae0": "Google", "19e5": "Huawei", "1d0f": "Amazon", "1022": "AMD", "17cb": "Qualcomm", "10ee": "AMD",
           "1e60": "Hailo", "106b": "Apple"}  # fmt: skip
VIRTUAL = frozenset({"1af4", "15ad", "1b36", "1234", "1013", "1414", "80ee"})
PLATFORM = {"v3d": "Broadcom", "vc4": "Broadcom", "panfrost": "ARM", "panthor": "ARM", "lima": "ARM", "msm": "Qualcomm",
            "etnaviv": "Vivante", "powervr": "Imagination", "asahi": "Apple", "nouveau": "NVIDIA", "tegra": "NVIDIA",
            "nvgpu": "NVIDIA"}  # fmt: skip
"""Drivers of GPUs that are part of a chip, without a PCI bus."""
WITH_LIBRARY = ("nvidia",)


def probe(place: Place) -> Finding:
    """Return a device for each GPU, with its ids, driver and kind, and the reason where it is of no use."""
    if place.system != "linux":
        return Finding("display", "absent", why="only Linux' /sys is read")
    nodes = render_nodes(place)
    shown = [_on_bus(place, each, nodes.get(each.address, "")) for each in functions(place) if is_gpu(each)]
    shown += [_on_chip(place, name, node) for name, node in sorted(nodes.items()) if ":" not in name]
    if not shown:
        return Finding("display", "absent", why="no display controller and no render node", source=DRM)
    return Finding("display", level=_level(shown), source="PCI, /sys/class/drm", devices=tuple(shown))


def is_gpu(function: Function) -> bool:
    """Return whether it is a GPU: a display controller, or AMD's compute cards, which call themselves accelerators."""
    compute = function.code.startswith(ACCELERATOR) and function.vendor == "1002"
    return function.code.startswith(DISPLAY) or compute


def render_nodes(place: Place) -> dict[str, str]:
    """Return the node by which programs use a GPU, by the bus' name of that GPU (a PCI address, a chip's part)."""
    nodes = [name for name in place.names(DRM) if name.startswith("renderD")]
    return {place.link(f"{DRM}/{name}/device"): f"/dev/dri/{name}" for name in nodes}


def node_fault(place: Place, node: str) -> str:
    """Return why the node cannot be used: absent in this container, or not ours; "" where it can."""
    if not place.exists(node):
        return f"{node} is not there: was the device passed into this container?"
    return "" if place.may_use(node) else f"denied: {node}"


def _on_bus(place: Place, found: Function, node: str) -> Found:
    vendor_name, device_name = names(place, found.vendor, found.device)
    facts: Facts = {
        "gpu.vendor": found.vendor,
        "gpu.device": found.device,
        "gpu.vendor-name": VENDORS.get(found.vendor, vendor_name),
        "gpu.device-name": device_name,
        "gpu.driver": found.driver,
        "gpu.driver-version": place.text(f"/sys/module/{found.driver}/version") if found.driver else "",
        "gpu.address": found.address,
        "gpu.kind": "virtual" if found.vendor in VIRTUAL else "unknown",
    }
    fault = held_back(found)
    if not fault and found.driver not in WITH_LIBRARY:
        fault = node_fault(place, node) if node else f"{found.driver} only drives a display: it offers no render node"
    unknown = {key: "nothing here tells it" for key in ("gpu.memory", "gpu.device-name") if not facts.get(key)}
    return device("gpu", found.address, address=found.address, facts=facts, unknown=unknown, fault=fault)


def _on_chip(place: Place, name: str, node: str) -> Found:
    driver = place.link(f"{DRM}/{node.rpartition('/')[2]}/device/driver")
    model = place.text(f"{DRM}/{node.rpartition('/')[2]}/device/of_node/compatible").split("\0", maxsplit=1)[0]
    virtual = driver in ("vgem", "virtio_gpu", "simpledrm")
    facts: Facts = {
        "gpu.vendor-name": PLATFORM.get(driver, ""),
        "gpu.device-name": model,
        "gpu.driver": driver,
        "gpu.kind": "virtual" if virtual else "integrated",
    }
    fault = node_fault(place, node)
    unknown = {"gpu.memory": "it shares the processor's"}
    return device("gpu", name, facts=facts, unknown=unknown, fault=fault)


def _level(shown: list[Found]) -> str:
    if any(not each["fault"] for each in shown):
        return "usable"
    return "bound" if any(each["facts"].get("gpu.driver") for each in shown) else "present"

#!/bin/sh
# Run the project's own tests; arguments go to pytest. Installs what they need: a virtual environment in .venv, and,
# as root or with sudo on Debian, the system's packages below. DISTTEST_NO_APT=1 leaves the system alone: tests that
# miss something are skipped then, and fail on CI. See scripts/environment.sh for PYTHON and DISTTEST_VENV. The run is
# one of our own (`--dist-hw`).
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/scripts/environment.sh"
. "$root/scripts/browsers.sh"
PATH=$PATH:/usr/sbin:/sbin   # where Debian keeps sshd, ip and nft
export PATH

# need COMMAND PACKAGE: remember the package when there is no such command.
packages=
need() {
    command -v "$1" >/dev/null || packages="$packages $2"
}
need sshd openssh-server     # private servers on loopback addresses; the machine's own is neither read nor changed
need ssh openssh-client
need ip iproute2             # hosts in network namespaces
need nft nftables            # ... that lose packets
need git git                 # which files git ignores
need ps procps
need chromium chromium
need chromium-headless-shell chromium-headless-shell
need chromedriver chromium-driver
need firefox-esr firefox-esr
# Firefox computes through Vulkan, and on a machine without a GPU through this one. Chromium has its own.
ls /usr/share/vulkan/icd.d/lvp_icd*.json >/dev/null 2>&1 || packages="$packages libvulkan1 mesa-vulkan-drivers"
venv=${DISTTEST_VENV:-$root/.venv}
[ -x "$(webnn_chromium_directory)/chromium" ] || need npm npm
if [ -n "$packages" ]; then
    # Unquoted: several package names.
    system_packages $packages || echo "missing:$packages; the tests that need them are skipped, or fail on CI"
fi

environment test
install_webnn_chromium || echo "missing: $webnn_chromium; the tests that need it are skipped, or fail on CI"
cd "$root"
# Half of the time of our tests goes by waiting, so three workers keep two processors busy; what needs the machine for
# itself is marked so. Plain pytest, for a debugger or to doubt our own product: DISTTEST_PLAIN=1.
[ -n "${DISTTEST_PLAIN:-}" ] || set -- -p pytest_disttest.plugin --dist-hw --hw-workers=3 "$@"
exec python -m pytest -p timeout -o timeout=300 "$@" </dev/null

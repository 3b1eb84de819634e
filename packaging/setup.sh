# Sourced by packaging/quickstart, tests/run and tests/bare: packages, builds with progress, and sentences about
# what is wrong. Bash; `top` is the folder of the project.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '== %s\n' "$*"; }

# die SENTENCE...: each argument is a line.
die() {
    printf '\n%s: %s\n' "${0##*/}" "$1" >&2
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
    exit 1
}

# The names of sections of packaging/dependencies.
dependencies() {
    local wanted=" $* " section='' line
    while IFS= read -r line; do
        case $line in
            '#'* | '') ;;
            '['*']') section=${line#[} && section=${section%]} ;;
            *) case $wanted in *" $section "*) printf '%s\n' "$line" ;; esac ;;
        esac
    done < "$top/packaging/dependencies"
}

# Node from elsewhere counts, when it is not too old.
have_node() {
    local version
    version=$(node --version 2> /dev/null) || return 1
    version=${version#v}
    [ "${version%%.*}" -ge 18 ] 2> /dev/null && npm --version > /dev/null 2>&1
}

is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2> /dev/null)" = installed ]; }

# Lines of which no alternative ("old | new") is installed.
missing_packages() {
    local line name found
    dependencies "$@" | while IFS= read -r line; do
        case $line in nodejs | npm) have_node && continue ;; esac
        found=no
        for name in ${line//|/ }; do
            if is_installed "$name"; then found=yes; fi
        done
        [ $found = yes ] || printf '%s\n' "$line"
    done
}

# The first alternative of each line that this Debian has; the first of all when it has none, so that apt says so.
choose_packages() {
    local line name chosen
    for line in "$@"; do
        chosen=${line%% *}
        for name in ${line//|/ }; do
            if apt-cache show "$name" > /dev/null 2>&1; then
                chosen=$name
                break
            fi
        done
        printf '%s\n' "$chosen"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# install_packages SECTION...: installs what is missing, and nothing when nothing is.
install_packages() {
    if ! command -v apt-get > /dev/null || ! command -v dpkg-query > /dev/null; then
        die "this needs Debian 12 or later (there is no apt-get here)." \
            "Elsewhere: install what packaging/dependencies lists and say --no-install."
    fi
    local missing log
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${#missing[@]} packages: ${missing[*]%% *}"
    if [ "$(id -u)" != 0 ] && ! command -v sudo > /dev/null; then
        die "packages are missing and this user may not install them (no sudo here). As root:" \
            "apt-get install ${missing[*]%% *}"
    fi
    log=$(mktemp)
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get update > "$log" 2>&1; then
        tail -5 "$log" >&2
        rm -f "$log"
        die "the lists of packages can't be fetched. Is there a way to the network?"
    fi
    mapfile -t missing < <(choose_packages "${missing[@]}")
    # Debian's own FTP server would open port 21 to all users of this machine at once: only its program is wanted.
    local quiet=no
    case " ${missing[*]} " in *' proftpd-core '*) [ ! -d /run/systemd/system ] || quiet=yes ;; esac
    [ $quiet = no ] || as_root systemctl --quiet --runtime mask proftpd.service proftpd.socket 2> /dev/null || true
    # apt-get update only warns when a list can't be fetched.
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" \
        > "$log" 2>&1; then
        tail -15 "$log" >&2
        rm -f "$log"
        die "the packages can't be installed, see above." \
            "\"Unable to locate package\": is this Debian 12 or later? \"Could not resolve\": is there a network?"
    fi
    if [ $quiet = yes ]; then
        as_root systemctl --quiet --runtime unmask proftpd.service proftpd.socket 2> /dev/null || true
        as_root systemctl --quiet disable proftpd.service proftpd.socket 2> /dev/null || true
    fi
    rm -f "$log"
}

# check_tools: without --no-install this can't fail.
check_tools() {
    local tool
    for tool in cmake ninja gcc pkg-config; do
        command -v "$tool" > /dev/null || die "$tool is missing; packaging/dependencies lists what is needed."
    done
    have_node || die "node 18 or later and npm are needed to build the web pages."
}

# Passes the output of a build on: every line on a terminal, elsewhere a line each tenth and whatever is no
# progress line.
progress() {
    local line made all tenth last=-1
    while IFS= read -r line; do
        if [ -t 1 ] || ! [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]]; then
            printf '%s\n' "$line"
            continue
        fi
        made=${BASH_REMATCH[1]} all=${BASH_REMATCH[2]}
        tenth=$((made * 10 / all))
        [ "$tenth" = "$last" ] || printf '[%s/%s]\n' "$made" "$all"
        last=$tenth
    done
}

# build_preset NAME LOG [TARGET]: configures and builds; 0 or 1, the log holds it all.
build_preset() {
    local preset=$1 log=$2 target=${3:-all}
    mkdir -p "$(dirname "$log")"
    if ! (cd "$top" && cmake --preset "$preset") > "$log" 2>&1; then
        tail -20 "$log"
        return 1
    fi
    (cd "$top" && cmake --build --preset "$preset" -j"$(nproc)" --target "$target") 2>&1 | tee -a "$log" | progress
    return "${PIPESTATUS[0]}"
}

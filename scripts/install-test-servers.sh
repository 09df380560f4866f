#!/bin/sh
# Installs what the tests need and this machine lacks: redis-server, PostgreSQL, Node, and Chromium with its driver.
# Does nothing, and needs no rights, when all of it is there.
set -eu

# The places where tools/testkit looks.
has_redis() {
    command -v redis-server >/dev/null
}

has_postgres() {
    path_folders=$(echo "$PATH" | tr ':' ' ')
    for folder in "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin \
        /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin $path_folders; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
            return 0
        fi
    done
    return 1
}

has_browser() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null; then
            return 0
        fi
    done
    for application in Chromium "Google Chrome"; do
        if [ -x "/Applications/$application.app/Contents/MacOS/$application" ]; then
            return 0
        fi
    done
    return 1
}

has_driver() {
    command -v chromedriver >/dev/null || [ -x /usr/lib/chromium/chromedriver ] ||
        [ -x /usr/lib/chromium-browser/chromedriver ]
}

# With a test runner of its own, which versions before 18 lack.
has_node() {
    command -v node >/dev/null && node --eval 'require("node:test")' 2>/dev/null
}

# tools/testkit lists processes to end them.
has_ps() {
    command -v ps >/dev/null
}

missing() {
    has_redis || echo redis
    has_postgres || echo postgres
    has_browser || echo browser
    has_driver || echo driver
    has_node || echo node
    has_ps || echo ps
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "cannot install without root: run 'make deps' as root, or install by hand:" $wanted >&2
        exit 1
    fi
}

# Ubuntu has another name for the browser and its driver than Debian.
apt_browser() {
    if apt-cache show chromium-driver >/dev/null 2>&1; then
        echo chromium chromium-driver
    else
        echo chromium-browser chromium-chromedriver
    fi
}

install_with_apt() {
    as_root apt-get update -qq
    packages=
    for part in $wanted; do
        case $part in
        redis) packages="$packages redis-server" ;;
        postgres) packages="$packages postgresql" ;;
        browser | driver) packages="$packages $(apt_browser)" ;;
        node) packages="$packages nodejs" ;;
        ps) packages="$packages procps" ;;
        esac
    done
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
}

install_with_dnf() {
    packages=
    for part in $wanted; do
        case $part in
        redis) packages="$packages /usr/bin/redis-server" ;;
        postgres) packages="$packages postgresql-server" ;;
        browser) packages="$packages chromium" ;;
        driver) packages="$packages chromedriver" ;;
        node) packages="$packages nodejs" ;;
        ps) packages="$packages procps-ng" ;;
        esac
    done
    as_root dnf install -y $packages
}

install_with_brew() {
    for part in $wanted; do
        case $part in
        redis) brew install redis ;;
        postgres) brew install postgresql@17 ;;
        browser) brew install --cask google-chrome ;;
        driver) brew install --cask chromedriver ;;
        node) brew install node ;;
        esac
    done
}

wanted=$(missing)
if [ -z "$wanted" ]; then
    exit 0
fi
echo "installing what the tests need:" $wanted
if command -v apt-get >/dev/null; then
    install_with_apt
elif command -v dnf >/dev/null; then
    install_with_dnf
elif command -v brew >/dev/null; then
    install_with_brew
else
    echo "neither apt, dnf nor brew is here: install by hand:" $wanted >&2
    exit 1
fi

wanted=$(missing)
if [ -n "$wanted" ]; then
    echo "still missing after the installation:" $wanted >&2
    exit 1
fi

#!/bin/sh
# Sees to it that Chromium and its driver are there: from the system's packages where this user may install them, else
# says what to install.
set -eu

have() {
    { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null 2>&1 &&
        command -v chromedriver >/dev/null 2>&1
}

if have; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver fonts-dejavu-core >/dev/null
fi
have || { echo "get_chromium.sh: install Chromium and ChromeDriver (Debian: apt install chromium chromium-driver)" >&2; exit 1; }

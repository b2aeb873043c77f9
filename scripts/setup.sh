# shellcheck shell=bash
# Set-up for demo.sh and check.sh, which source it; by hand: scripts/setup.sh [build] [run] [test].
# Installs the Debian packages that are missing and nothing else outside the checkout; builds under build/.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# docs/dependencies.md says what each is for.
packages_build=(
	autoconf automake gcc git libc6-dev make pkg-config
	check libarchive-dev libcurl4-openssl-dev libevent-dev libgit2-dev libhiredis-dev libjansson-dev
	libmicrohttpd-dev libpcre2-dev libsqlite3-dev libssl-dev libyaml-dev libzstd-dev
)
# redis-tools holds the server's program too (one program, by the name it is called with): the package redis-server adds
# little more than a service that would start by itself, which nobody asked for.
packages_run=(bubblewrap ca-certificates ccache git jq redis-tools)
packages_test=(bats chromium chromium-driver clang curl fonts-dejavu-core libclang-rt-dev sqlite3 xz-utils)

say() { printf '%s\n' "$@"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# may_be_root: asks for the password, if there is one to ask for, while the person can still see the question.
may_be_root() {
	[ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || sudo -v; }; }
}

missing_packages() {
	# A package that is known but not installed is listed too, with another status.
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | awk -v wanted="$*" '
		$1 == "installed" { have[$2] = 1 }
		END { n = split(wanted, want, " "); for (i = 1; i <= n; i++) if (!(want[i] in have)) print want[i] }'
}

# apt_install PACKAGE...: waits for another apt that is at work, as there is one on a machine that has just started.
apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get install -y -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 \
		--no-install-recommends "$@"
}

# apt_try PACKAGE...: also where package lists are absent or too old, or an earlier run was interrupted.  The log is of the last try.
apt_try() {
	local log=$root/build/apt.log
	apt_install "$@" >"$log" 2>&1 && return
	{
		as_root env LC_ALL=C apt-get update -qq
		as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C dpkg --configure -a
		apt_install --fix-broken
		apt_install "$@"
	} >"$log" 2>&1
}

# setup_packages KIND...: kinds are build, run, test
setup_packages() {
	local kind wanted=() missing
	for kind in "$@"; do
		case $kind in
		build) wanted+=("${packages_build[@]}") ;;
		run) wanted+=("${packages_run[@]}") ;;
		test) wanted+=("${packages_test[@]}") ;;
		*) fail "setup: found '$kind', allowed are build, run, test" ;;
		esac
	done
	command -v dpkg-query >/dev/null || fail "this is no Debian; docs/dependencies.md says what is needed"
	mapfile -t missing < <(missing_packages "${wanted[@]}")
	[ ${#missing[@]} -gt 0 ] || return 0
	mkdir -p "$root/build"
	say "installing ${#missing[@]} packages: ${missing[*]}"
	may_be_root || fail "no right to install packages.  Have this run as root, then start ${0##*/} again: apt-get install ${missing[*]}"
	if ! apt_try "${missing[@]}"; then
		# What apt complained of at last, each line once.
		grep -E '^(E|W|Err:|dpkg: error)' "$root/build/apt.log" | awk '!seen[$0]++' | tail -n 10 >&2
		if grep -qE '(resolving|resolve host|Could not connect|Unable to connect|Network is unreachable|Connection timed out)' \
			"$root/build/apt.log"; then
			fail "the package servers cannot be reached: is there a network?  Wanted were: ${missing[*]}"
		fi
		fail "apt-get could not install (build/apt.log has all it said): ${missing[*]}"
	fi
}

# setup_tree: configure, made anew where it is missing or older than what it is made from.
setup_tree() {
	if [ ! -e "$root/configure" ] || [ ! -e "$root/Makefile.in" ] || [ ! -e "$root/build-aux/missing" ] || [ "$root/configure.ac" -nt "$root/configure" ]; then
		say "making configure"
		(cd "$root" && mkdir -p build-aux m4 && autoreconf -fi >build/autoreconf.log 2>&1) || { cat "$root/build/autoreconf.log" >&2; fail "autoreconf failed"; }
	fi
}

# setup_build DIR [configure arguments...] [-- make arguments...]: quick when nothing changed.
setup_build() {
	local dir=$1 arguments=()
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		arguments+=("$1")
		shift
	done
	[ $# = 0 ] || shift
	mkdir -p "$root/$dir"
	(
		# Two at once would write the same files.
		mkdir -p "$root/build"; exec 9>"$root/build/.lock" || exit 1
		flock 9
		setup_tree
		cd "$root/$dir" || exit 1
		if [ ! -e config.status ] || [ ! -e Makefile ]; then
			say "configuring $dir/"
			../configure -q "${arguments[@]}" >make.log 2>&1 || { rm -f config.status; tail -n 20 make.log >&2; exit 1; }
		fi
		make -q "$@" >/dev/null 2>&1 && exit
		say "building in $dir/"
		make -j"$(nproc)" "$@" >make.log 2>&1 9>&- || { tail -n 40 make.log >&2; exit 1; }
	) || fail "the build in $dir/ failed"
}

# A redis-server to start: the installed one, or one of that name in build/tools.
setup_redis() {
	command -v redis-server >/dev/null && return
	local program
	program=$(command -v redis-check-rdb) || fail "no redis-server, and no redis-check-rdb to make one from"
	mkdir -p "$root/build/tools"
	ln -sf "$program" "$root/build/tools/redis-server"
	PATH=$root/build/tools:$PATH
}

# Where the programs are after setup_build build.
# shellcheck disable=SC2034
programs=$root/build/programs

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -eu
	setup_packages "${@:-build}"
	case " ${*:-build} " in
	*" build "*) setup_build build --enable-werror ;;
	esac
fi

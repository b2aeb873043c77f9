#!/bin/bash
# The figures of docs/search.md, by simulation, beside the limits that the project set itself.  By hand or by `make bench-search`:
#     tests/bench/search.sh [--trials N] [--dag FILE] [--table NAME]...
#
# --trials  bisections of a cell (default 400; 4,000 is what the figures of the docs are made with; some cells take fewer)
# --dag     a real commit graph, git v1.0.0..2026 (a line of parents' line numbers for each commit); without it the tables of
#           real graphs are left out
# --table   only these: known history cold accuracy nothing graph slots decisions wrong trouble calibration
#
# All cells are played first, on all processors; seeds are fixed.  BISECT_SIM names the program; default: the one in build/.
# Exits 0 if every figure holds.
set -eu

trials=400 dag='' tables=''
while [ $# -gt 0 ]; do
	case $1 in
	--trials | --dag | --table)
		[ $# -gt 1 ] || { echo "$1 needs a value" >&2; exit 2; }
		case $1 in
		--trials) trials=$2 ;;
		--dag) dag=$2 ;;
		--table) tables="$tables $2" ;;
		esac
		shift 2
		;;
	*)
		sed -n '3,10s/^# \{0,1\}//p' "$0" >&2
		exit 2
		;;
	esac
done
case $trials in '' | *[!0-9]* | 0*) echo "--trials: \"$trials\" is no number from 1" >&2; exit 2 ;; esac
[ -z "$dag" ] || [ -r "$dag" ] || { echo "--dag: cannot read $dag" >&2; exit 2; }
known_tables="known history cold accuracy nothing graph slots decisions wrong trouble calibration"
for table in $tables; do
	case " $known_tables " in *" $table "*) ;; *) echo "--table: \"$table\" is none of $known_tables" >&2; exit 2 ;; esac
done
tables=${tables:-$known_tables}

here=$(cd "$(dirname "$0")/../.." && pwd)
sim=${BISECT_SIM:-$here/build/programs/bisect-sim}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
noises='0 .1 .3 .5 .7'
missed=0

wants() { case " $tables " in *" $1 "*) return 0 ;; esac; return 1; }

# cell KEY SHARE OPTIONS...: plays a SHARE (percent) of the trials; what two tables need is played once
cell() {
	local key=$1 n=$((trials * $2 / 100))
	shift 2
	[ -e "$work/$key.todo" ] || echo "$key --seed 1 --trials $((n > 20 ? n : 20)) $*" >"$work/$key.todo"
}

# git's passes so that p^N * log2 n <= 1 %
repeats() { awk -v p="$1" 'BEGIN { n = 1; if (p > 0) while (p ^ n * 10 > 0.0100001) n++; print n }'; }

# shellcheck disable=SC2086
list_cells() {
	local p f farm five runs row policy history
	for p in $noises; do
		if wants known || wants history || wants cold; then cell "bayesect-$p" 50 --policy bayesect --p "$p"; fi
		if wants known || wants cold; then cell "git-$p" 100 --policy git --repeat "$(repeats "$p")" --p "$p"; fi
		if wants known; then cell "oracle-$p" 100 --policy oracle --p "$p"; fi
		if wants history; then cell "history-$p" 100 --history 30 --p "$p"; fi
		if wants cold || wants accuracy; then cell "acc-$p-0-0.99" 100 --p "$p" --target 0.99; fi
		for f in 0 .01; do
			if wants accuracy; then
				cell "acc-$p-$f-0.99" 100 --p "$p" --false-fail "$f" --target 0.99
				cell "acc-$p-$f-0.999" 100 --p "$p" --false-fail "$f" --target 0.999
			fi
		done
	done
	if wants cold; then cell quick 100 --reproducible .9 --p 0; fi
	if wants nothing; then cell nothing 100 --no-change --p .5; fi
	if wants graph && [ "$dag" ]; then
		for from in 74372 33499 -1; do
			for p in 0 .3; do
				cell "graph$from-oracle-$p" 10 --graph "$dag" --from $from --policy oracle --p $p
				cell "graph$from-ours-$p" 10 --graph "$dag" --from $from --p $p
			done
		done
	fi
	if wants slots; then
		farm='--build-mean 10 --build-cv .5 --test 2' five="$farm --broken .05" runs="$farm --broken .2 --broken-run 20"
		for p in 0 .3 .5 .7; do
			cell "serial-$p" 100 --policy git --repeat "$(repeats "$p")" --p "$p" $five
			cell "serial-cached-$p" 100 --policy git --repeat "$(repeats "$p")" --p "$p" $five --cached .1
			for row in known:oracle:0 warehouse:ours:30 cold:ours:0; do
				policy=${row#*:} history=${row##*:} row=${row%%:*}
				cell "k8-$row-$p" 50 --policy "${policy%:*}" --history "$history" --p "$p" $five --slots 8
				cell "k8-cached-$row-$p" 50 --policy "${policy%:*}" --history "$history" --p "$p" $five --slots 8 --cached .1
			done
		done
		for row in known:oracle:0 warehouse:ours:30 cold:ours:0; do
			policy=${row#*:} history=${row##*:} row=${row%%:*}
			cell "k16-$row" 50 --policy "${policy%:*}" --history "$history" --p 0 $five --slots 16
			cell "stretches-$row" 100 --policy "${policy%:*}" --history "$history" --p 0 $runs
		done
		cell barrier 100 --policy ksection --p 0 $five --slots 8
		cell stretches-git 100 --policy git --p 0 $runs
	fi
	if wants decisions; then
		# ends believed: the first probe is a decision, not the bad end
		[ -z "$dag" ] || cell decisions 5 --graph "$dag" --p 0 --policy oracle
		echo "large --seed 1 --trials 1 --graph kernel:1300000 --p 0 --policy oracle" >"$work/large.todo"
	fi
	if wants wrong; then
		cell wrong-.02 100 --p .5 --false-fail .02
		cell wrong-.05 100 --p .5 --false-fail .05
	fi
	if wants trouble; then
		cell sick-.3 50 --p .3 --slots 8 --sick .3
		cell sick-0 50 --p 0 --slots 8 --sick .3
		cell lost 50 --p .3 --slots 8 --lost .1
		cell stretch 50 --p .3 --slots 8 --broken .2 --broken-run 20
	fi
	if wants calibration; then
		for p in $noises; do
			cell "calibration-$p" 500 --p "$p" --calibration
		done
	fi
}

# of KEY FIELD: a figure of a cell
of() { sed -n "s/.*\"$2\":\\([-0-9.e]*\\).*/\\1/p" "$work/$1.json"; }
calc() { awk "BEGIN { printf \"%.${2:-2}f\", $1 }"; }
# verdict CONDITION: "ok" or "MISSED" (in $word), counted
verdict() {
	if awk "BEGIN { exit !($1) }"; then word=ok; else word=MISSED missed=$((missed + 1)); fi
}
# The rigorous bound ((1 - eps) log2 n - h(eps)) / C, C the capacity of a Z channel (Fano, with variable stopping)
bound() {
	awk -v p="$1" -v n=1000 -v e=.01 'BEGIN {
		c = p > 0 ? log(1 + (1 - p) * p ^ (p / (1 - p))) / log(2) : 1
		h = -(e * log(e) + (1 - e) * log(1 - e)) / log(2)
		print ((1 - e) * log(n) / log(2) - h) / c }'
}
percent() { calc "100 * $1" "${2:-2}"; }

list_cells
cat "$work"/*.todo | sort -t- -k1,1 | xargs -P "$(nproc)" -L1 sh -c \
	'key=$1; shift; "$0" --json "$@" >"'"$work"'/$key.json"' "$sim"

if wants known; then
	printf '\n**Rates known**, n = 1,000: runs\n\n| p | bound L1 | oracle | ratio (at most 1.15) | git, N passes | bayesect |\n|---|---|---|---|---|---|\n'
	for p in $noises; do
		l1=$(bound "$p") runs=$(of "oracle-$p" mean_runs)
		verdict "$p == 0 || $runs <= 1.15 * $l1"
		printf '| %s | %.1f | %.1f | %s %s | %.1f (N = %s) | %.1f |\n' "$p" "$l1" "$runs" "$(calc "$runs / $l1")" "$word" \
			"$(of "git-$p" mean_runs)" "$(repeats "$p")" "$(of "bayesect-$p" mean_runs)"
	done
fi
if wants history; then
	printf '\n**30 earlier runs**\n\n| p | runs | by L1 (at most 1.33 to .5) | of bayesect |\n|---|---|---|---|\n'
	sum=0
	for p in $noises; do
		l1=$(bound "$p") runs=$(of "history-$p" mean_runs) other=$(of "bayesect-$p" mean_runs)
		verdict "$p > .5 || $runs <= 1.33 * $l1"
		sum=$(calc "$sum + $runs / $other" 6)
		printf '| %s | %.1f | %s %s | %s |\n' "$p" "$runs" "$(calc "$runs / $l1")" "$word" "$(calc "$runs / $other")"
	done
	verdict "$sum / 5 <= .55"
	printf '| all | | | %s (at most .55) %s |\n' "$(calc "$sum / 5")" "$word"
fi
if wants cold; then
	printf '\n**Cold**\n\n| p | runs | 95 %% within | of bayesect | right %% | git, N passes: runs, right %% |\n|---|---|---|---|---|---|\n'
	sum=0 all=0
	for p in $noises; do
		runs=$(of "acc-$p-0-0.99" mean_runs) other=$(of "bayesect-$p" mean_runs)
		sum=$(calc "$sum + $runs" 6) all=$(calc "$all + $other" 6)
		printf '| %s | %.1f | %.0f | %s | %s | %.1f, %s |\n' "$p" "$runs" "$(of "acc-$p-0-0.99" p95_runs)" \
			"$(calc "$runs / $other")" "$(percent "$(of "acc-$p-0-0.99" accuracy)")" "$(of "git-$p" mean_runs)" \
			"$(percent "$(of "git-$p" accuracy)")"
	done
	verdict "$sum <= .75 * $all"
	printf '| together | %.1f | | %s (at most .75) %s | | |\n' "$sum" "$(calc "$sum / $all" 3)" "$word"
	runs=$(of quick mean_runs)
	verdict "$runs <= log(1000) / log(2) + 6"
	printf '\nAn error that always shows, as `bisectctl run` searches: %.1f runs, at most %.0f (log2 n + 6 = 16.0) %s\n' "$runs" \
		"$(of quick max_runs)" "$word"
fi
if wants accuracy; then
	printf '\n**Right, in %%**\n\n| p | f | target .99 | target .999 | runs .99, .999 |\n|---|---|---|---|---|\n'
	for p in $noises; do
		for f in 0 .01; do
			right=$(of "acc-$p-$f-0.99" accuracy)
			verdict "$right >= .99"
			line="$(percent "$right") $word"
			right=$(of "acc-$p-$f-0.999" accuracy)
			verdict "$right >= .999"
			printf '| %s | %s | %s | %s %s | %.1f, %.1f |\n' "$p" "$f" "$line" "$(percent "$right")" "$word" \
				"$(of "acc-$p-$f-0.99" mean_runs)" "$(of "acc-$p-$f-0.999" mean_runs)"
		done
	done
fi
if wants nothing; then
	verdict "$(of nothing accuracy) >= .98 && $(of nothing mean_runs) <= 25 && $(of nothing wrong) < .01"
	printf '\n**Nothing to find**, rate .5 everywhere: said so in %s %% after %.1f runs, somebody named in %s %% %s\n' \
		"$(percent "$(of nothing accuracy)")" "$(of nothing mean_runs)" "$(percent "$(of nothing wrong)")" "$word"
fi
if wants graph && [ "$dag" ]; then
	printf '\n**Real graph**\n\n| commits | p | rates known: runs | right %% | cold: runs | right %% |\n|---|---|---|---|---|---|\n'
	for row in 74372:4663 33499:45536 -1:79036; do
		from=${row%%:*} n=${row#*:}
		for p in 0 .3; do
			runs=$(of "graph$from-oracle-$p" mean_runs)
			verdict "$p > 0 || $runs <= log($n) / log(2) + .15"
			printf '| %s | %s | %.2f (log2 n %+.2f) %s | %s | %.1f | %s |\n' "$n" "$p" "$runs" \
				"$(calc "$runs - log($n) / log(2)")" "$([ $p = 0 ] && echo $word)" \
				"$(percent "$(of "graph$from-oracle-$p" accuracy)")" "$(of "graph$from-ours-$p" mean_runs)" \
				"$(percent "$(of "graph$from-ours-$p" accuracy)")"
		done
	done
fi
# The limits stand beside rates that are known, as in the study that they come from; what earlier runs tell and a cold start are
# shown for comparison.
if wants slots; then
	printf '\n**Slots**: build 10 min (cv .5), test 2 min, 5 %% unbuildable, k = 8.  Minutes, times faster than git on one machine '
	printf '(with as many repeats as p asks for), machine time by that of git, times faster where 10 %% are cached\n\n'
	printf '| p | git: min | rates known | limit | 30 earlier runs | cold |\n|---|---|---|---|---|---|\n'
	for line in 0:3.0:4.5 .3:3.5:5.5 .5:4.0:0 .7:5.0:0; do
		p=${line%%:*} limit=${line#*:} serial=$(of "serial-${line%%:*}" mean_minutes)
		cached_limit=${limit#*:} limit=${limit%:*} text=''
		for row in known warehouse cold; do
			minutes=$(of "k8-$row-$p" mean_minutes)
			faster=$(calc "$serial / $minutes" 4)
			machine=$(calc "$(of "k8-$row-$p" machine_minutes) / $serial" 4)
			cached=$(calc "$(of "serial-cached-$p" mean_minutes) / $(of "k8-cached-$row-$p" mean_minutes)" 4)
			if [ $row = known ]; then
				verdict "$faster >= $limit && ($p > 0 || $machine <= 2.2) && $cached >= $cached_limit && \
					($p > 0 || $minutes <= 1.07 * log(1000) / log(9) * 12)"
			fi
			text="$text $(calc "$minutes" 1), $(calc "$faster") x, $(calc "$machine"), $(calc "$cached") x |"
			[ $row != known ] || text="$text $limit x$([ "$p" != 0 ] || echo ", 2.20")$([ "$cached_limit" = 0 ] || echo ", $cached_limit x") $word |"
		done
		printf '| %s | %.0f |%s\n' "$p" "$serial" "$text"
	done
	printf '\n| | rates known | limit | 30 earlier runs | cold |\n|---|---|---|---|---|\n| k = 16: times faster |'
	for row in known warehouse cold; do
		faster=$(calc "$(of serial-0 mean_minutes) / $(of "k16-$row" mean_minutes)" 4)
		[ $row != known ] || verdict "$faster >= 3.8"
		printf ' %.2f |%s' "$faster" "$([ $row != known ] || echo " 3.8 $word |")"
	done
	printf '\n| k = 1, 20 %% unbuildable in runs of 20: min (git %.0f) |' "$(of stretches-git mean_minutes)"
	for row in known warehouse cold; do
		minutes=$(of "stretches-$row" mean_minutes)
		[ $row != known ] || verdict "$minutes <= 150"
		printf ' %.0f |%s' "$minutes" "$([ $row != known ] || echo " 150 $word |")"
	done
	printf '\n\nk = 8 with barriers and equal steps: %.2f times faster.\n' \
		"$(calc "$(of serial-0 mean_minutes) / $(of barrier mean_minutes)" 4)"
fi
if wants decisions; then
	[ -z "$dag" ] || verdict "$(of decisions ms_per_decision_first) <= 100 && $(of decisions ms_per_decision_median) <= 10"
	[ -z "$dag" ] || printf '\n**Decisions**, 79,036 commits: first %.1f ms (at most 100), later %.2f ms (at most 10) %s\n' \
		"$(of decisions ms_per_decision_first)" "$(of decisions ms_per_decision_median)" "$word"
	verdict "$(of large ms_per_decision_first) <= 300 && $(of large ms_per_decision_median) <= 300"
	printf '\n**Decisions**, 1,300,000 commits: first %.0f ms, later %.0f ms (at most 300) %s\n' \
		"$(of large ms_per_decision_first)" "$(of large ms_per_decision_median)" "$word"
fi
if wants wrong; then
	verdict "$(of wrong-.02 accuracy) >= .95"
	printf '\n**Wrong errors**, p = .5: 2 %%: right in %s %% (at least 95) %s' "$(percent "$(of wrong-.02 accuracy)")" "$word"
	verdict "$(of wrong-.05 accuracy) >= .93"
	printf '; 5 %%: %s %% (at least 93) %s\n' "$(percent "$(of wrong-.05 accuracy)")" "$word"
fi
if wants trouble; then
	printf '\n**Trouble**, 8 slots: right in %%\n\n| one slot fails 30 %% of the good, p = 0 | the same, p = .3 | 10 %% of runs lost, p = .3 | 20 %% broken in runs of 20, p = .3 |\n|---|---|---|---|\n'
	printf '| %s | %s | %s | %s |\n' "$(percent "$(of sick-0 accuracy)")" "$(percent "$(of sick-.3 accuracy)")" \
		"$(percent "$(of lost accuracy)")" "$(percent "$(of stretch accuracy)")"
fi
if wants calibration; then
	printf '\n**Calibration**: claimed and found, by tenths of the verdicts of each p\n\n'
	for p in $noises; do
		printf '%s\n\n' "- p = $p: $(sed -n 's/.*"calibration":\(.*\)}$/\1/p' "$work/calibration-$p.json")"
	done
	# Of all together: as many tenths, sorted by what they claim, five by five.
	worst=$(for p in $noises; do
		sed -n 's/.*"calibration":\[\(.*\)\]}$/\1/p' "$work/calibration-$p.json" | grep -o '\[[^]]*\]' | tr -d '[]'
	done | sort -n | awk -F, '{ claimed += $1; found += $2 }
		NR % 5 == 0 { d = (found - claimed) / 5; if (d < 0) d = -d; if (d > worst) worst = d; claimed = found = 0 }
		END { print NR == 50 ? worst : 1 }')
	verdict "$worst <= .01"
	printf 'All together, by tenths: at most %s points between what is claimed and found (limit 1) %s\n' "$(percent "$worst")" "$word"
fi
printf '\n%s\n' "$([ $missed = 0 ] && echo "Every figure holds." || echo "$missed figures are missed.")"
[ $missed = 0 ]

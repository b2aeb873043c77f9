#include <pthread.h>

#include "job/rules.h"

/* clang-format off */

/*
 * Regular expressions, one a row; the rows of a rule are joined by '|'.  Written for this project from what the
 * tools print; a
 * repeat that can start anywhere has an upper bound, so that no line makes them slow.
 */
#define ROWS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const char *const *const rows[RULE_COUNT] = {
	[RULE_BUILD] = ROWS(
		"(?i:\\b(?:error|warning)):(?:[^:]|$)",
		"\\berror\\[E\\d+\\]:",				/* rustc */
		"undefined reference to ",
		"multiple definition of ",
		"relocation truncated to fit",
		"cannot find -l",
		"ld returned \\d+ exit status",
		"^[^ ]*make(?:\\[\\d+\\])?: \\*\\*\\* ",
		"^FAILED: ",					/* ninja */
		"^CMake (?:Error|Warning)",
		"^\\S+\\.go:\\d+:\\d+: ",
		"^/bin/sh: (?:line )?\\d+: ",
		": command not found$",
		"(?i:No space left on device)",
		"\\bKilled$",
		"Segmentation fault",
		"internal compiler error"),
	[RULE_BUILD_FRAMED] = ROWS("(?:error|warning):[^:]"),
	[RULE_STDERR_IGNORE] = ROWS(
		"^\\s*$",
		"^\\S*make(?:\\[\\d+\\])?: \\*\\*\\* \\[[^]]*__sub-make\\] Error \\d",
		"^make(?:\\[\\d+\\])?: (?:Entering|Leaving) directory ",
		"^modprobe: FATAL: Module \\S+ not found",
		"^Warning: Permanently added .* to the list of known hosts",
		"^(?:perl: )?warning: (?:Setting locale failed|Falling back to )",
		"^perl: warning: Please check that your locale",
		"setlocale: LC_\\w+: cannot change locale",
		"^tput: No value for \\$TERM",
		"^stty: .*Inappropriate ioctl",
		"^debconf: (?:unable to initialize|delaying package|falling back)",
		"^debconf: \\(.*\\)$",
		"^dpkg-preconfigure: unable to re-open stdin",
		"^WARNING: apt does not have a stable CLI",
		"^\\s*% Total\\s+% Received", "^\\s*Dload\\s+Upload\\s+Total", /* curl's meter */
		"^[ \\d.]{1,20}[kMG]?\\s{1,9}[\\d.]+[kMG]?\\s{1,9}[\\d.]+\\s.*--:--:--",
		"^Cloning into '", "^Cloning into bare", "^HEAD is now at ", "^Switched to ", "^Note: switching to ",
		"^Previous HEAD position was ",
		"^(?:remote: )?(?:Enumerating|Counting|Compressing) objects:",
		"^(?:Receiving objects|Resolving deltas|Updating files|Unpacking objects):",
		"^hint: ",
		"^During handling of the above exception, another exception occurred:$",
		"^The above exception was the direct cause of the following exception:$",
		"^\\d+\\+\\d+ records (?:in|out)$", "^\\d+ bytes .*copied, ",
		"^(?:real|user|sys)\\s+\\d+m?[\\d.]+s?$"),
	[RULE_SUSPICIOUS] = ROWS(
		"(?i:\\berror):(?:[^:]|$)",
		"\\berror\\[E\\d+\\]:",
		"^(?:\\w+\\.)*\\w*(?:Error|Exception)(?:: |$)",
		"error while loading shared libraries",
		"(?i:\\bassert(?:ion)?\\b.{0,300}\\bfail(?:ed|ure)?\\b)",
		"(?i:\\bfatal:)", "^FATAL\\b", "^fatal error", "^panic: ", "\\bpanicked at\\b",
		"\\bruntime error: ",
		"(?:ERROR|WARNING|SUMMARY): \\w+Sanitizer",
		"AddressSanitizer:DEADLYSIGNAL",
		"==\\d+== (?:Invalid (?:read|write|free)|Conditional jump|Use of uninitialised|Process terminating)",
		"==\\d+== .{0,60}(?:definitely|indirectly) lost: [1-9]",
		"Segmentation fault", "\\bsegfault at\\b", "\\bBus error\\b", "\\bIllegal instruction\\b",
		"Floating point exception", "\\b[Cc]ore dumped\\b", "^Aborted\\b", "^Killed$",
		"^\\*\\*\\* .* \\*\\*\\*", "stack smashing detected", "double free or corruption",
		"^(?:free|malloc|realloc|munmap_chunk)\\(\\): ", "^corrupted (?:size|double)",
		"terminate called (?:after|without|recursively)",
		"^Exception in thread ", "^Uncaught exception", "^Unhandled exception",
		": command not found$", "^[^ ]*sh: \\d+: .*: not found$",
		"undefined symbol: ", "symbol lookup error",
		"^[^ ]*make(?:\\[\\d+\\])?: \\*\\*\\* ",
		"(?i:No space left on device)", "(?i:Cannot allocate memory)",
		"\\bBUG: ", "\\bkernel BUG at\\b", "\\bKernel panic\\b", "\\bOops: "),
	[RULE_OOPS] = ROWS(
		"\\bBUG: ", "\\bkernel BUG at ",
		"\\bWARNING: (?:CPU: \\d+ PID: \\d+ )?at ", "\\bWARNING: \\S+\\.[chS]:\\d+ at ",
		"\\bWARNING: (?:possible |inconsistent lock|suspicious RCU|bad unlock balance|held lock freed|lock held when|"
			"Nested lock|kernel stack|stack going|nested lock|lock (?:held|freed)|locks? )",
		"\\[ INFO: (?:possible|inconsistent|suspicious|bad unlock|lock held)",
		"\\bINFO: task .{0,80} blocked ", "\\bINFO: rcu\\w* (?:self-)?detected ", "\\bINFO: rcu\\w* .{0,80}stall",
		"\\bINFO: trying to register non-static key",
		"\\bKernel panic - not syncing", "\\bOops: ", "\\bOops - ", "\\bInternal error: ",
		"^Unable to handle kernel ", "\\bUnhandled fault: ", "\\bBad mode in ",
		"^invalid opcode: ", "\\bgeneral protection fault", "^double fault: ", "^divide error: ",
		"^stack segment: ", "^int3: ", "^alignment check: ", "^traps: PANIC",
		"^RIP: \\d+:(?:\\[<[0-9a-f]+>\\] *)*[A-Za-z_]", "^pc : [A-Za-z_]", "^epc : [A-Za-z_]",
		"\\bUBSAN: ", "\\brefcount_t: ", "\\bODEBUG: ", "\\bDMA-API: ", "\\bVFS: Busy inodes after unmount",
		"\\blist_(?:add|del) corruption", "\\bslab error in ", "\\bkernel tried to execute ",
		"\\bKernel stack is corrupted", "\\bkernel stack overflow",
		"\\bWatchdog detected hard LOCKUP", "\\bsoft lockup\\b", "\\bhard LOCKUP\\b",
		"\\birq \\d+: nobody cared", "\\bNETDEV WATCHDOG: ", "\\bunregister_netdevice: waiting for ",
		"\\bOut of memory: Kill", "\\binvoked oom-killer: ", "\\bMemory cgroup out of memory: Kill",
		"\\bpage allocation failure: ", "\\bkmemleak: \\d+ new suspected", "\\bkmemleak: Kernel memory leak detector disabled",
		"\\bsegfault at [0-9a-f]+ ip ", "\\btrap (?:invalid opcode|divide error|int3) ",
		"\\bsysfs: cannot create duplicate filename", "\\bkobject_add_internal failed ",
		"\\bkobject .{0,120}: tried to (?:init|add) an? (?:un)?initialized object",
		"\\bXFS: Assertion failed", "\\bXFS .{0,60}: Corruption ", "\\bassertion failed: .{0,300}fs/", "\\bUnhandled exception\\b"),
	[RULE_OOPS_IGNORE] = ROWS(
		"\\bINFO: lockdep is turned off", "\\bend Kernel panic ", "\\bINFO: NMI handler ", "\\bprintk: messages dropped",
		"\\bCommand line: ", "\\bKernel command line: "),
	[RULE_KMSG] = ROWS("\\bsegfault at [0-9a-f]+ ip ", "\\bruntime error: ", "\\bunreferenced object 0x"),
	[RULE_KMSG_IGNORE] = ROWS(
		"\\bfailed to load regulatory\\.db", "\\bDirect firmware load for ", "\\bACPI (?:BIOS )?(?:Error|Warning)\\b",
		"\\bi8042: ", "\\bmce: Unable to init MCE device", "\\bCannot get hvm parameter ",
		"\\bUnable to read sysrq ", "\\bnot responding, still trying$", "^---+\\[ "),
	[RULE_KERNEL_PREFIX] = ROWS(
		"^(?:[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d \\S+ kernel: ?"
			"|[a-z]+ *:[a-z]+ *: ?|<\\d+>|\\d+,\\d+,\\d+,[^;]*;)?"
			"\\s*(?:\\[\\s*\\d+\\.\\d+\\s*\\]\\s*)?(?:\\[\\s*[TC]\\d+\\]\\s*)?"),
	[RULE_TEMPORARY] = ROWS(
		"(/tmp/)(?:cc[A-Za-z0-9]{6}|tmp\\.?[A-Za-z0-9_]{6,10}"
			"|[\\w.-]+\\.(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{6}(?:[A-Za-z0-9]{4})?)(?![A-Za-z0-9_])"),
	[RULE_DURATION] = ROWS("(?:\\s+\\[\\s*\\d+%\\]|\\s*[(\\[]\\s*\\d+(?:\\.\\d+)?\\s*m?s(?:ec)?[)\\]]"
			       "|(?:\\s+in)?\\s+\\d+(?:\\.\\d+)?\\s*m?s(?:ec)?)\\s*$"),
};

/*
 * Kernel lines.  In order; each sees what the ones before left.  A '#' written here stays as it is.
 */
static const struct { const char *regex, *with; } kernel_rewrites[] = {
	{ "^(?:NMI )?watchdog: (?=BUG|Watchdog)|^rcu: (?=INFO)", "" },
	/* The WARNING header as it was, and as it is since Linux 6.18: one id for both. */
	{ "WARNING: (?:CPU: \\d+ PID: \\d+ )?at (\\S+?):\\d+ ([\\w.]+).*", "WARNING: at $1:# $2" },
	{ "WARNING: (\\S+\\.[chS]):\\d+ at ([\\w.]+).*", "WARNING: at $1:# $2" },
	{ "WARNING: CPU: \\d+ PID: \\d+ at ", "WARNING: at " },
	{ "^RIP: \\d+:(?:\\[<[0-9a-f]+>\\]\\s*)*([\\w.]+).*", "RIP:$1" },
	{ "^(e?pc) : ([\\w.]+).*", "$1:$2" },
	{ "(\\[#\\d+\\]).*", "$1" },
	{ "\\+0x[0-9a-f]+/0x[0-9a-f]+", "" },
	{ "\\.(?:isra|constprop|part|llvm|cold)(?:\\.\\d+)?\\b", "" },
	{ "(BUG: K[A-Z]+: .* in [\\w.]+) at addr .*", "$1" },
	{ "(scheduling while atomic): .*", "$1" },
	{ "kworker/u?\\d+:", "kworker:" },
	{ "\\b(swapper|migration|ksoftirqd|cpuhp|rcuop|rcuos|rcub|rcuc|watchdog|idle_inject)/\\d+", "$1" },
	{ "(INFO: task) .* (blocked (?:for more than|on|in) )", "$1 $2" },
	{ "(detected (?:expedited )?stalls on CPUs/tasks).*|(self-detected stall on CPU).*", "$1$2" },
	{ "segfault at .*", "segfault_at_ip_sp_error" },
	{ "(Out of memory: Kill(?:ed)? process).*", "$1" },
	{ "^.*(invoked oom-killer).*", "$1" },
	{ "^.*: (page allocation failure: .*?)(?:, ?nodemask.*)?$", "$1" },
	{ "^(traps: .*\\[\\d+\\] .*?) ip:[0-9a-f]+ .*", "$1" },
	{ "(Bad page (?:state|map|cache) in process) .*", "$1" },
	{ "(Bad rss-counter state) mm:\\S+ ", "$1 mm:# " },
	{ "(BUG: Dentry) .*? (still in use).*", "$1 $2" },
	{ "(workqueue lockup - pool).*", "$1" },
	{ "(BUG: spinlock \\w+(?: \\w+)* on CPU#)\\d+.*", "$1" },
	{ "( in preemptible) .*", "$1" },
	{ "([\\w./+-]+\\.(?:c|h|S|rs)):\\d+(?::\\d+)?\\b", "$1" },
	{ "\\b([sv]d[a-z]{1,2}|(?:eth|wlan|veth|bond|tun|tap|dummy|br|nvme|loop|ram|zram|nbd|md|dm-|sr|sg|mmcblk|ttyS|ttyAMA|tty|"
	  "usb|i2c-|card|hwmon|input|event|scsi|host|ata|cpu))\\d+(?:n\\d+)?(?:p\\d+)?\\b", "$1#" },
	{ "\\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\\b", "#" },
	{ "\\b(?:[0-9a-f]{16}|[0-9a-f]{8})\\b", "#" },
};

/* clang-format on */

#define NREWRITES (sizeof(kernel_rewrites) / sizeof(kernel_rewrites[0]))

/* clang-format off */
/* Forms of "this test case failed"; group 1 is its name.  The first that fits counts. */
static const char *const case_forms[] = {
	"^\\s*(?:--- )?(?:FAIL|FAILED|FAILURE): (?!\\d+$)(\\S.*)$",		/* automake, go, unittest */
	"^FAIL\\t(\\S+)",							/* go: a package */
	"^\\[  FAILED  \\] (?!\\d+ test)([^\\s,]+)",				/* googletest */
	"^FAILED (\\S+::\\S.*?)(?: - .*)?$",					/* pytest: the summary */
	"^(\\S+::\\S.*?) FAILED\\s*$",						/* pytest -v */
	"^\\s*\\d+/\\d+ Test +#\\d+: (\\S+) \\.*\\s*\\*\\*\\*",			/* ctest */
	"^\\s*\\d+/\\d+ (\\S.*?)\\s+(?:FAIL|ERROR|TIMEOUT)\\b",			/* meson */
	"^test (\\S+) \\.\\.\\. FAILED",						/* rust */
	"^(\\S.*?)\\s*\\.{2,}\\s*(?:FAIL|FAILED|Failed|failed|ERROR)\\b",	/* unittest -v, git, many */
	"^[^:\\s]+:\\d+:[FE]:[^:]*:([^:]+):-?\\d+: ",				/* Check */
	"^(\\S+) +\\d+ +T(?:FAIL|BROK)\\b",					/* LTP, old */
	"^(\\S+?)(?:\\.c)?:\\d+: T(?:FAIL|BROK)\\b",				/* LTP, new */
	"^(\\S+)\\s+FAIL(?:ED)?(?:\\s+\\d+)?\\s*$",				/* LTP's summary */
	"^(?!.*\\bresult:)(\\S[^:]*?): (?:FAIL|FAILED|FAILURE)\\s*$",
};

/* clang-format on */

#define CASE_LINE_MAX 1000 /* bytes; a longer line names no test case */
#define DURATION_MAX 40    /* bytes at its end that can be the time it took */

#define NCASE_FORMS (sizeof(case_forms) / sizeof(case_forms[0]))

static struct {
	struct pattern *rules[RULE_COUNT];
	struct pattern *rewrites[NREWRITES];
	struct pattern *cases[NCASE_FORMS];
	struct pattern *any_case;
} compiled;
static pthread_once_t compiled_once = PTHREAD_ONCE_INIT;

static struct pattern *compile(const char *regex)
{
	struct error err = ERROR_INIT;
	struct pattern *pattern;

	/* The tables above are part of the program: a wrong row is a bug that the first test meets.
	 */
	if (pattern_new(&pattern, regex, &err) < 0) {
		fprintf(stderr, "error-id rules: %s: %s\n", regex, err.text);
		abort();
	}
	return pattern;
}

static void compile_all(void)
{
	struct str joined = STR_INIT;

	for (int rule = 0; rule < RULE_COUNT; rule++) {
		str_clear(&joined);
		for (const char *const *row = rows[rule]; *row; row++)
			str_addf(&joined, "%s%s", row == rows[rule] ? "" : "|", *row);
		compiled.rules[rule] = compile(joined.buf);
	}
	str_release(&joined);
	for (size_t i = 0; i < NREWRITES; i++)
		compiled.rewrites[i] = compile(kernel_rewrites[i].regex);
	for (size_t i = 0; i < NCASE_FORMS; i++)
		compiled.cases[i] = compile(case_forms[i]);
	compiled.any_case = compile("FAIL|[Ff]ailed|ERROR|TIMEOUT|\\*\\*\\*|TBROK|:[FE]:");
}

const struct pattern *rule_pattern(enum rule rule)
{
	pthread_once(&compiled_once, compile_all);
	return compiled.rules[rule];
}

bool rule_matches(enum rule rule, const char *text, size_t len)
{
	return pattern_match(rule_pattern(rule), text, len, NULL) == PATTERN_YES;
}

void rules_rewrite_kernel(struct str *line)
{
	pthread_once(&compiled_once, compile_all);
	for (size_t i = 0; i < NREWRITES; i++)
		pattern_replace(compiled.rewrites[i], line, kernel_rewrites[i].with);
}

bool rules_failed_case(const char *text, size_t len, const char **ret_name, size_t *ret_len)
{
	struct pattern_group groups[PATTERN_GROUPS_MAX];
	bool found = false;
	size_t tail;

	pthread_once(&compiled_once, compile_all);
	if (len > CASE_LINE_MAX || pattern_match(compiled.any_case, text, len, NULL) != PATTERN_YES)
		return false;
	/* "name ... FAILED (0.1s)": the time goes first, so that the forms need not know it. */
	tail = len > DURATION_MAX ? len - DURATION_MAX : 0;
	if (pattern_match(compiled.rules[RULE_DURATION], text + tail, len - tail, groups) ==
	        PATTERN_YES)
		len = (size_t)(groups[0].text - text);
	for (size_t i = 0; i < NCASE_FORMS && !found; i++)
		found = pattern_match(compiled.cases[i], text, len, groups) == PATTERN_YES &&
		        groups[1].len > 0;
	if (found) {
		*ret_name = groups[1].text;
		*ret_len = groups[1].len;
	}
	return found;
}

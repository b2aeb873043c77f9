#include "agent/sandbox_view.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Directories of the root that are made anew or are nobody's business; the rest is shown. */
static const char *const own_tops[] = {
	"proc", "sys", "dev", "run", "tmp", "root", "home", "mnt", "media", "boot", "lost+found", NULL
};

/* Below the shown ones: what may tell secrets of the host, or offer its sockets. */
static const char *const secret_dirs[] = {
	"/etc/ssh", "/etc/ssl/private", "/etc/sudoers.d", "/etc/bisectd", "/etc/wireguard",
	"/etc/NetworkManager/system-connections", "/usr/local/etc/bisectd", "/var/lib", "/var/log",
	"/var/spool", "/var/mail", "/var/backups", "/var/cache", "/var/opt", "/var/local", "/var/run",
	"/var/www", "/var/db", NULL
};
static const char *const secret_files[] = {
	"/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers",
	"/etc/krb5.keytab", "/etc/security/opasswd", NULL
};

/* And what compilers and interpreters keep there nevertheless. */
static const char *const shown_again[] = {
	"/var/lib/dpkg", "/var/lib/rpm", "/var/lib/gems", "/var/lib/ghc", "/var/lib/haskell-packages",
	"/var/lib/ocaml", "/var/lib/texmf", "/var/lib/python", "/var/lib/pacman/local", NULL
};

/* A sandbox of root owns them for the kernel, whatever its capabilities are. */
static const char *const proc_read_only[] = {
	"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/mtrr",
	"/proc/acpi", "/proc/scsi", "/proc/pressure", NULL
};

static bool in_list(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (!strcmp(*list, name))
			return true;
	return false;
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (path[len] == '/' || path[len] == '\0');
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/*
 * A directory of the root that is shown: a real one, with a name that the mount options can carry.
 */
static bool is_shown_top(const char *name, const struct strv *hide)
{
	struct str path = STR_INIT;
	struct stat st;
	bool shown;

	str_setf(&path, "/%s", name);
	shown = !in_list(own_tops, name) && !strpbrk(name, ",:\\") &&
		lstat(path.buf, &st) == 0 && S_ISDIR(st.st_mode) && !strv_has(hide, path.buf);
	str_release(&path);
	return shown;
}

static void tops(struct strv *ret, struct strv *ret_links, const struct strv *hide)
{
	DIR *root = opendir("/");
	struct dirent *entry;

	while (root && (entry = readdir(root))) {
		struct stat st;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (is_shown_top(entry->d_name, hide))
			strv_push(ret, entry->d_name);
		else if (!in_list(own_tops, entry->d_name) &&
			 fstatat(dirfd(root), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			 S_ISLNK(st.st_mode))
			strv_push(ret_links, entry->d_name);
	}
	if (root)
		closedir(root);
	strv_sort_unique(ret);
	strv_sort_unique(ret_links);
}

void sandbox_view_box(struct strv *args, const struct sandbox_options *options,
	const struct strv *hide)
{
	struct strv dirs = STRV_INIT, links = STRV_INIT;

	if (!options->scratch)
		return;
	tops(&dirs, &links, hide);
	strv_push_many(args, "--overlay", options->scratch, NULL);
	for (size_t i = 0; i < dirs.n; i++)
		strv_push_many(args, "--top", dirs.v[i], NULL);
	strv_release(&dirs);
	strv_release(&links);
}

static void view_root(struct strv *args, const struct sandbox_options *options,
	const struct strv *hide)
{
	struct strv dirs = STRV_INIT, links = STRV_INIT;
	char target[PATH_MAX];
	struct str path = STR_INIT;

	tops(&dirs, &links, hide);
	for (size_t i = 0; i < dirs.n; i++) {
		str_setf(&path, "/%s", dirs.v[i]);
		if (options->scratch) {
			strv_push(args, "--bind");
			strv_pushf(args, "%s/root/%s", options->scratch, dirs.v[i]);
			strv_push(args, path.buf);
		} else {
			strv_push_many(args, "--ro-bind", path.buf, path.buf, NULL);
		}
	}
	for (size_t i = 0; i < links.n; i++) {
		ssize_t n = readlink(str_setf(&path, "/%s", links.v[i]), target, sizeof(target) - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		strv_push_many(args, "--symlink", target, path.buf, NULL);
	}
	str_release(&path);
	strv_release(&dirs);
	strv_release(&links);
}

/* Covered with nothing, unless it is not shown anyway. */
static void hide_path(struct strv *args, const char *path, struct strv *covered,
	const struct strv *hide)
{
	struct stat st;
	char *top;

	if (lstat(path, &st) < 0 || S_ISLNK(st.st_mode) || path[0] != '/' || !path[1])
		return;
	for (size_t i = 0; i < covered->n; i++)
		if (is_below(path, covered->v[i]))
			return;
	top = mem_strndup(path + 1, strcspn(path + 1, "/"));
	if (is_shown_top(top, hide)) {
		if (S_ISDIR(st.st_mode))
			strv_push_many(args, "--perms", "0755", "--tmpfs", path, NULL);
		else
			strv_push_many(args, "--ro-bind", "/dev/null", path, NULL);
		strv_push(covered, path);
	}
	free(top);
}

static void view_secrets(struct strv *args, const struct strv *hide)
{
	struct strv covered = STRV_INIT;

	for (size_t i = 0; secret_dirs[i]; i++)
		hide_path(args, secret_dirs[i], &covered, hide);
	for (size_t i = 0; secret_files[i]; i++)
		hide_path(args, secret_files[i], &covered, hide);
	if (is_directory("/var/lib"))
		for (size_t i = 0; shown_again[i]; i++)
			if (is_directory(shown_again[i]))
				strv_push_many(args, "--ro-bind", shown_again[i], shown_again[i], NULL);
	for (size_t i = 0; i < hide->n; i++)
		hide_path(args, hide->v[i], &covered, hide);
	strv_release(&covered);
}

static void tmpfs(struct strv *args, const char *path, const char *perms, uint64_t memory)
{
	strv_push_many(args, "--perms", perms, NULL);
	if (memory) {
		strv_push(args, "--size");
		strv_pushf(args, "%" PRIu64, memory / 2 < SANDBOX_TMP_MAX ? memory / 2 : SANDBOX_TMP_MAX);
	}
	strv_push_many(args, "--tmpfs", path, NULL);
}

static void view_env(struct strv *args, enum sandbox_mode mode, const char *const *env)
{
	strv_push_many(args, "--clearenv", "--setenv", "PATH", DEFAULT_PATH, "--setenv", "HOME", "/tmp",
		"--setenv", "LANG", "C.UTF-8", NULL);
	/* uid 0 without capabilities: tar would try to give files to their owners, and fail. */
	if (mode == SANDBOX_PLAIN)
		strv_push_many(args, "--setenv", "TAR_OPTIONS", "--no-same-owner", NULL);
	for (; env && *env; env++) {
		const char *sign = strchr(*env, '=');
		char *name;

		if (!sign || sign == *env)
			continue;
		name = mem_strndup(*env, (size_t)(sign - *env));
		strv_push_many(args, "--setenv", name, sign + 1, NULL);
		free(name);
	}
}

static void view_identity(struct strv *args, enum sandbox_mode mode)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	strv_push_many(args, "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
		"--unshare-net", "--unshare-cgroup-try", "--hostname", "sandbox", "--cap-drop", "ALL", NULL);
	if (mode == SANDBOX_PLAIN)
		return;
	strv_push_many(args, "--unshare-user", "--uid", NULL);
	strv_pushf(args, "%ld", (long)(uid ? uid : 1000));
	strv_push(args, "--gid");
	strv_pushf(args, "%ld", (long)(uid ? gid : 1000));
	if (mode == SANDBOX_USER_LOCKED)
		strv_push(args, "--disable-userns");
}

void sandbox_view_bwrap(struct strv *args, enum sandbox_mode mode,
	const struct sandbox_options *options, const struct strv *hide)
{
	view_identity(args, mode);
	view_env(args, mode, options->env);
	view_root(args, options, hide);
	view_secrets(args, hide);
	strv_push_many(args, "--proc", "/proc", NULL);
	for (size_t i = 0; proc_read_only[i]; i++)
		strv_push_many(args, "--ro-bind-try", proc_read_only[i], proc_read_only[i], NULL);
	strv_push_many(args, "--dev", "/dev", NULL);
	tmpfs(args, "/dev/shm", "1777", options->memory);
	tmpfs(args, "/tmp", "1777", options->memory);
	if (is_directory("/var/tmp") && !strv_has(hide, "/var"))
		tmpfs(args, "/var/tmp", "1777", options->memory);
	tmpfs(args, "/run", "0755", options->memory);
	strv_push_many(args, "--dir", "/run/lock", "--dir", "/home", "--dir", "/root", "--dir", "/mnt",
		"--dir", "/sys", "--ro-bind-try", "/sys/devices/system/cpu", "/sys/devices/system/cpu",
		NULL);
	for (size_t i = 0; i < options->n_binds; i++)
		strv_push_many(args, options->binds[i].writable ? "--bind" : "--ro-bind",
			options->binds[i].source, options->binds[i].destination, NULL);
	/* After everything that had to be made in it. */
	if (!options->scratch)
		strv_push_many(args, "--remount-ro", "/", NULL);
	strv_push_many(args, "--chdir", options->directory ? options->directory : "/", NULL);
}

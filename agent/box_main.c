/*
 * bisect-box: prepares namespaces, overlays and bounds, then becomes bubblewrap.
 *
 *	bisect-box [--memory BYTES] [--file-size BYTES] [--processes N] [--overlay SCRATCH [--top NAME]...] -- BWRAP ARGUMENTS...
 *
 * What bubblewrap 0.8 cannot do by itself: mount an overlay, and start where "/" is no mount point
 * (a plain chroot). It exists as a program of its own because all of this must happen after fork in
 * a single-threaded process.
 *
 * As an ordinary user it makes a user namespace (itself as 0) and a mount namespace, as root only
 * the latter.  In a chroot, the root directory becomes the root of the new namespace: setns(2) to
 * our own mount namespace leads to its true root, where everything can be made private; a detached
 * copy of the old root is mounted on itself and pivoted to. After that user namespaces work again,
 * too, and nothing of what we mount reaches the host.
 *
 * With --overlay every --top NAME gets SCRATCH/root/NAME: /NAME below, the writes in SCRATCH/disk
 * or a tmpfs.  "/" itself is never a lower layer (it would take the scratch directory into itself).
 *
 * Any failure is one line "bisect-box: ..." on standard error and status 125; the caller knows it
 * from a failure of the sandboxed program because bubblewrap then wrote no exit-code to its status
 * descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EXIT_BOX = 125 };

struct box {
	const char *scratch;	/* NULL: no overlays */
	char **top;
	size_t n_top;
	rlim_t memory, file_size, processes;	/* 0: not bounded here */
};

static _Noreturn __attribute__((format(printf, 2, 3))) void fail(int errno_value,
	const char *fmt, ...)
{
	va_list ap;

	fputs("bisect-box: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (errno_value)
		fprintf(stderr, ": %s", strerror(errno_value));
	fputc('\n', stderr);
	exit(EXIT_BOX);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail(errno, "cannot write %s", path);
	close(fd);
}

static void enter_user_namespace(uid_t uid, gid_t gid)
{
	char map[64];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
		if (errno == EPERM)
			fail(0, "this system refuses user namespaces to ordinary users (in a chroot or "
				"an unprivileged container, or by kernel.unprivileged_userns_clone, "
				"kernel.apparmor_restrict_unprivileged_userns): allow them, or run the "
				"agent as root");
		if (errno == ENOSPC || errno == EUSERS)
			fail(0, "no user namespace left: raise the sysctl user.max_user_namespaces");
		fail(errno, "cannot make a user namespace");
	}
	/* Before gid_map, or the kernel refuses that one. */
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
	write_file("/proc/self/gid_map", map);
}

static bool same_place(const struct statx *a, const struct statx *b)
{
	return a->stx_dev_major == b->stx_dev_major && a->stx_dev_minor == b->stx_dev_minor &&
	       a->stx_ino == b->stx_ino && a->stx_mnt_id == b->stx_mnt_id;
}

/* The directory `root`, which setns has put out of sight, becomes the root of this namespace. */
static void leave_chroot(int root)
{
	int tree = open_tree(root, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);

	if (tree < 0)
		fail(errno, "cannot copy the mounts of this chroot");
	if (move_mount(tree, "", root, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		fail(errno, "cannot mount this chroot on itself");
	if (fchdir(tree) < 0)
		fail(errno, "cannot enter this chroot again");
	/*
	 * Where the true root is a ramfs, pivot_root is refused: then a chroot has to do (no user
	 * namespaces there).
	 */
	if (syscall(SYS_pivot_root, ".", ".") < 0) {
		if (chroot(".") < 0)
			fail(errno, "cannot enter this chroot again");
	} else if (umount2(".", MNT_DETACH) < 0) {
		fail(errno, "cannot put the old root away");
	}
	if (chdir("/") < 0)
		fail(errno, "cannot enter /");
	close(tree);
}

static void enter_mount_namespace(void)
{
	struct statx before, after;
	int root, ns;

	if (unshare(CLONE_NEWNS) < 0)
		fail(errno, "cannot make a mount namespace (is CAP_SYS_ADMIN missing in this container?)");
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || statx(root, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &before) < 0)
		fail(errno, "cannot open /");
	ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		fail(errno, "cannot open /proc/self/ns/mnt (is /proc mounted?)");
	if (setns(ns, CLONE_NEWNS) < 0)
		fail(errno, "cannot enter our own mount namespace");
	close(ns);
	/* Private, not slave: nothing comes in and nothing goes out for the life of one run. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail(errno, "cannot make the mounts private");
	if (statx(AT_FDCWD, "/", 0, STATX_INO | STATX_MNT_ID, &after) < 0)
		fail(errno, "cannot look at /");
	if (!same_place(&before, &after))
		leave_chroot(root);
	close(root);
}

static void make_dir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		fail(errno, "cannot make %s in the scratch directory", path);
}

/*
 * One overlay, all names relative to the scratch directory; `base` holds the writes.  The upper
 * directory lends the merged one its mode and owner, hence the copies.  userxattr is what a user
 * namespace needs and root does not.
 */
static int mount_overlay(const char *name, const char *base, bool root)
{
	char options[3 * NAME_MAX + 100], lower[NAME_MAX + 2], upper[NAME_MAX + 20],
		work[NAME_MAX + 20], merged[NAME_MAX + 10];
	struct stat st;

	snprintf(lower, sizeof(lower), "/%s", name);
	snprintf(upper, sizeof(upper), "%s/upper/%s", base, name);
	snprintf(work, sizeof(work), "%s/work/%s", base, name);
	snprintf(merged, sizeof(merged), "root/%s", name);
	if (stat(lower, &st) < 0)
		return -1;
	make_dir(upper, 0755);
	make_dir(work, 0700);
	make_dir(merged, 0755);
	if (chmod(upper, st.st_mode & 07777) < 0)
		return -1;
	if (root && chown(upper, st.st_uid, st.st_gid) < 0)
		return -1;
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s%s", lower, upper, work,
		root ? "" : ",userxattr");
	return mount("overlay", merged, "overlay", MS_NODEV, options);
}

/*
 * A scratch directory that is itself on an overlay or on NFS, or inside the layer, is refused:
 * those writes go to memory.
 */
static void make_memory_scratch(void)
{
	make_dir("memory", 0755);
	if (mount("tmpfs", "memory", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0)
		fail(errno, "cannot mount a tmpfs for the scratch directory");
	make_dir("memory/upper", 0755);
	make_dir("memory/work", 0755);
}

static void prepare_overlays(const struct box *box, bool root)
{
	bool have_memory = false;

	umask(0);
	if (chdir(box->scratch) < 0)
		fail(errno, "cannot enter the scratch directory");
	make_dir("root", 0755);
	make_dir("disk", 0755);
	make_dir("disk/upper", 0755);
	make_dir("disk/work", 0755);
	for (size_t i = 0; i < box->n_top; i++) {
		int on_disk;

		if (mount_overlay(box->top[i], "disk", root) == 0)
			continue;
		on_disk = errno;
		if (!have_memory)
			make_memory_scratch();
		have_memory = true;
		if (mount_overlay(box->top[i], "memory", root) < 0)
			fail(errno, "cannot mount an overlay over /%s (in the scratch directory it "
				"failed with \"%s\"; is the overlay file system there: modprobe overlay)",
				box->top[i], strerror(on_disk));
	}
}

static rlim_t number(const char *name, const char *text)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end)
		fail(0, "%s wants a number, not %s", name, text);
	return value;
}

static void bound(int resource, rlim_t value)
{
	struct rlimit limit = { value, value }, now;

	if (getrlimit(resource, &now) == 0 && now.rlim_max != RLIM_INFINITY && value > now.rlim_max)
		limit.rlim_cur = limit.rlim_max = now.rlim_max;
	if (setrlimit(resource, &limit) < 0)
		fail(errno, "cannot set a resource limit");
}

static int read_options(struct box *box, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i += 2) {
		if (i + 1 == argc)
			fail(0, "%s wants a value", argv[i]);
		if (!strcmp(argv[i], "--memory"))
			box->memory = number(argv[i], argv[i + 1]);
		else if (!strcmp(argv[i], "--file-size"))
			box->file_size = number(argv[i], argv[i + 1]);
		else if (!strcmp(argv[i], "--processes"))
			box->processes = number(argv[i], argv[i + 1]);
		else if (!strcmp(argv[i], "--overlay"))
			box->scratch = argv[i + 1];
		else if (strcmp(argv[i], "--top"))
			fail(0, "unknown option %s", argv[i]);
		else if (strlen(argv[i + 1]) > NAME_MAX || strpbrk(argv[i + 1], "/,:\\"))
			fail(0, "--top wants a plain name");
		else
			box->top[box->n_top++] = argv[i + 1];
	}
	if (i + 1 >= argc)
		fail(0, "no command after --");
	return i + 1;
}

int main(int argc, char **argv)
{
	struct box box = { 0 };
	pid_t parent = getppid();
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int command;

	box.top = calloc((size_t)argc + 1, sizeof(*box.top));
	if (!box.top)
		fail(errno, "no memory");
	command = read_options(&box, argc, argv);
	if (uid == 0)
		enter_mount_namespace();
	else
		enter_user_namespace(uid, gid);
	if (box.scratch)
		prepare_overlays(&box, uid == 0);
	umask(022);
	if (chdir("/") < 0)
		fail(errno, "cannot enter /");
	/* New credentials made the kernel forget that we die with our parent. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		fail(errno, "cannot ask to die with the parent");
	if (getppid() != parent)
		exit(EXIT_BOX);
	/* Last, as bounds of this size may be too tight for us when built with sanitizers. */
	bound(RLIMIT_CORE, 0);
	if (box.file_size)
		bound(RLIMIT_FSIZE, box.file_size);
	if (box.processes)
		bound(RLIMIT_NPROC, box.processes);
	if (box.memory)
		bound(RLIMIT_AS, box.memory);
	execv(argv[command], argv + command);
	fail(errno, "cannot run %s", argv[command]);
}

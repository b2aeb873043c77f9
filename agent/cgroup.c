#include "agent/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#define PREFIX "bisect-"
enum { FILE_MAX = 1 << 20, OOM_SLACK = 4 << 20 };

struct cgroups {
	int version;
	char *memory, *pids;	/* directories to make groups in; the same one in version 2 */
	unsigned long made;
};

struct cgroup {
	const struct cgroups *cgroups;
	char *memory, *pids;
	uint64_t limit;
	struct strv procs;
};

static int put(const char *dir, const char *file, const char *text)
{
	struct str path = STR_INIT;
	int fd, saved = 0;

	fd = open(str_setf(&path, "%s/%s", dir, file), O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		saved = errno;
	if (fd >= 0)
		close(fd);
	str_release(&path);
	errno = saved;
	return saved ? -1 : 0;
}

static bool get(struct str *ret, const char *dir, const char *file)
{
	struct str path = STR_INIT;
	bool ok;

	str_clear(ret);
	ok = file_read(ret, str_setf(&path, "%s/%s", dir, file), FILE_MAX, NULL) == 0;
	str_release(&path);
	return ok;
}

/* The number after `key` at the start of a line; "" as key: the whole file. */
static uint64_t get_number(const char *dir, const char *file, const char *key)
{
	struct str text = STR_INIT;
	uint64_t value = 0;
	const char *at;

	if (get(&text, dir, file)) {
		for (at = text.buf; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
			if (str_has_prefix(at, key)) {
				value = strtoull(at + strlen(key), NULL, 10);
				break;
			}
	}
	str_release(&text);
	return value;
}

static bool has_word(const char *list, const char *word, const char *separators)
{
	size_t len = strlen(word);

	while (*list) {
		size_t n = strcspn(list, separators);

		if (n == len && !memcmp(list, word, n))
			return true;
		list += n;
		list += strspn(list, separators);
	}
	return false;
}

/*
 * This process's group in the hierarchy with `controller` ("": version 2), from /proc/self/cgroup;
 * NULL: none.
 */
static char *own_group(const char *controller)
{
	struct str text = STR_INIT;
	char *found = NULL, *line, *rest = NULL;

	if (file_read(&text, "/proc/self/cgroup", FILE_MAX, NULL) == 0)
		for (line = strtok_r(text.buf, "\n", &rest); line && !found; line = strtok_r(NULL, "\n", &rest)) {
			char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;

			if (!path)
				continue;
			*path++ = '\0';
			names++;
			if (*controller ? has_word(names, controller, ",") : !*names)
				found = mem_strdup(path);
		}
	str_release(&text);
	return found;
}

/*
 * The directory of this process's group, by the mounts that /proc/self/mountinfo shows (proc(5));
 * NULL: not visible.
 */
static char *own_directory(const char *controller)
{
	struct str text = STR_INIT;
	char *group = own_group(controller), *found = NULL, *line, *rest = NULL;

	if (!group || file_read(&text, "/proc/self/mountinfo", FILE_MAX, NULL) < 0)
		goto out;
	for (line = strtok_r(text.buf, "\n", &rest); line && !found; line = strtok_r(NULL, "\n", &rest)) {
		char *tail = strstr(line, " - "), *field[5], *more = NULL, *type, *super;
		const char *below;
		struct stat st;
		int n = 0;

		if (!tail)
			continue;
		*tail = '\0';
		tail += 3;
		for (char *f = strtok_r(line, " ", &more); f && n < 5; f = strtok_r(NULL, " ", &more))
			field[n++] = f;
		type = strtok_r(tail, " ", &more);
		strtok_r(NULL, " ", &more);
		super = strtok_r(NULL, " ", &more);
		if (n < 5 || !type || !super)
			continue;
		if (*controller ? strcmp(type, "cgroup") || !has_word(super, controller, ",")
				: strcmp(type, "cgroup2"))
			continue;
		/* In a container the mount shows only a part of the hierarchy. */
		below = group;
		if (strcmp(field[3], "/") && str_has_prefix(group, field[3]))
			below = group + strlen(field[3]);
		found = mem_printf("%s%s", field[4], strcmp(below, "/") ? below : "");
		if (stat(found, &st) < 0) {
			free(found);
			found = mem_strdup(field[4]);
		}
	}
out:
	str_release(&text);
	free(group);
	return found;
}

/* Groups named after a process that is gone; rmdir refuses those that are in use. */
static void remove_leftovers(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d)
		return;
	while ((entry = readdir(d))) {
		long pid;

		if (!str_has_prefix(entry->d_name, PREFIX))
			continue;
		pid = strtol(entry->d_name + strlen(PREFIX), NULL, 10);
		if (pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
			unlinkat(dirfd(d), entry->d_name, AT_REMOVEDIR);
	}
	closedir(d);
}

/*
 * Version 2: a group with processes in it cannot have children with controllers, so this process
 * moves to a leaf first.  Others in our group (a shared login session): that fails and there is
 * nothing to use.
 */
static bool delegate(const char *dir)
{
	struct str text = STR_INIT, leaf = STR_INIT;
	bool ok = false;

	if (!get(&text, dir, "cgroup.controllers") || !has_word(text.buf, "memory", " \n") ||
	    !has_word(text.buf, "pids", " \n"))
		goto out;
	if (get(&text, dir, "cgroup.subtree_control") && has_word(text.buf, "memory", " \n") &&
	    has_word(text.buf, "pids", " \n")) {
		ok = true;
		goto out;
	}
	str_setf(&leaf, "%s/" PREFIX "%ld", dir, (long)getpid());
	if (mkdir(leaf.buf, 0755) < 0 && errno != EEXIST)
		goto out;
	str_clear(&text);
	str_addf(&text, "%ld", (long)getpid());
	if (put(leaf.buf, "cgroup.procs", text.buf) == 0) {
		ok = put(dir, "cgroup.subtree_control", "+memory +pids") == 0;
		if (!ok)
			put(dir, "cgroup.procs", text.buf);
	}
	if (!ok)
		rmdir(leaf.buf);
out:
	str_release(&leaf);
	str_release(&text);
	return ok;
}

struct cgroups *cgroups_open(struct error *why)
{
	struct cgroups *cgroups = mem_alloc(sizeof(*cgroups));
	struct cgroup *trial;

	cgroups->memory = own_directory("memory");
	cgroups->pids = own_directory("pids");
	if (cgroups->memory && cgroups->pids) {
		cgroups->version = 1;
	} else {
		free(cgroups->memory);
		free(cgroups->pids);
		cgroups->memory = own_directory("");
		cgroups->pids = mem_strdup(cgroups->memory);
		cgroups->version = 2;
		if (!cgroups->memory) {
			error_set(why, ERR_UNAVAILABLE, "no control group with memory and pids is mounted");
			goto fail;
		}
		if (!delegate(cgroups->memory)) {
			error_set(why, ERR_UNAVAILABLE, "control group %s is not delegated to this process "
				"(with systemd: Delegate=yes)", cgroups->memory);
			goto fail;
		}
	}
	remove_leftovers(cgroups->memory);
	if (cgroups->version == 1)
		remove_leftovers(cgroups->pids);
	if (cgroup_make(&trial, cgroups, 64 << 20, 64, why) < 0)
		goto fail;
	cgroup_free(trial);
	return cgroups;
fail:
	cgroups_free(cgroups);
	return NULL;
}

void cgroups_free(struct cgroups *cgroups)
{
	if (!cgroups)
		return;
	free(cgroups->memory);
	free(cgroups->pids);
	free(cgroups);
}

int cgroups_version(const struct cgroups *cgroups)
{
	return cgroups->version;
}

static int set_bounds(const struct cgroup *cgroup, uint64_t memory, uint64_t processes)
{
	bool v1 = cgroup->cgroups->version == 1;
	struct str text = STR_INIT;
	int rc = 0;

	if (memory) {
		str_addf(&text, "%" PRIu64, memory);
		rc = put(cgroup->memory, v1 ? "memory.limit_in_bytes" : "memory.max", text.buf);
		/* No swap beyond it; absent where swap is not accounted. */
		if (rc == 0)
			put(cgroup->memory, v1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max",
				v1 ? text.buf : "0");
	}
	if (rc == 0 && processes) {
		str_clear(&text);
		str_addf(&text, "%" PRIu64, processes);
		rc = put(cgroup->pids, "pids.max", text.buf);
	}
	if (rc == 0 && !v1)
		put(cgroup->memory, "memory.oom.group", "0");
	str_release(&text);
	return rc;
}

int cgroup_make(struct cgroup **ret, struct cgroups *cgroups, uint64_t memory, uint64_t processes,
	struct error *err)
{
	struct cgroup *cgroup = mem_alloc(sizeof(*cgroup));
	unsigned long number = ++cgroups->made;
	int rc;

	cgroup->cgroups = cgroups;
	cgroup->limit = memory;
	cgroup->memory = mem_printf("%s/" PREFIX "%ld-%lu", cgroups->memory, (long)getpid(), number);
	cgroup->pids = mem_printf("%s/" PREFIX "%ld-%lu", cgroups->pids, (long)getpid(), number);
	if (mkdir(cgroup->memory, 0755) < 0 ||
	    (cgroups->version == 1 && mkdir(cgroup->pids, 0755) < 0) ||
	    set_bounds(cgroup, memory, processes) < 0) {
		rc = error_errno(err, errno, "cannot make control group %s", cgroup->memory);
		cgroup_free(cgroup);
		return rc;
	}
	strv_pushf(&cgroup->procs, "%s/cgroup.procs", cgroup->memory);
	if (cgroups->version == 1)
		strv_pushf(&cgroup->procs, "%s/cgroup.procs", cgroup->pids);
	*ret = cgroup;
	return 0;
}

const char *const *cgroup_procs(const struct cgroup *cgroup)
{
	return strv_argv(&cgroup->procs);
}

enum cgroup_oom cgroup_oom(const struct cgroup *cgroup)
{
	if (cgroup->cgroups->version == 2) {
		if (!get_number(cgroup->memory, "memory.events", "oom_kill "))
			return OOM_NONE;
		return get_number(cgroup->memory, "memory.events", "oom ") ? OOM_LIMIT : OOM_HOST;
	}
	if (!get_number(cgroup->memory, "memory.oom_control", "oom_kill "))
		return OOM_NONE;
	/*
	 * Whichever of the two equal bounds was hit first counted it, kernels differ; the peak
	 * tells, too.
	 */
	return get_number(cgroup->memory, "memory.failcnt", "") ||
			get_number(cgroup->memory, "memory.memsw.failcnt", "") ||
			cgroup_peak(cgroup) + OOM_SLACK >= cgroup->limit ? OOM_LIMIT : OOM_HOST;
}

uint64_t cgroup_peak(const struct cgroup *cgroup)
{
	return get_number(cgroup->memory,
		cgroup->cgroups->version == 1 ? "memory.max_usage_in_bytes" : "memory.peak", "");
}

void cgroup_kill(const struct cgroup *cgroup)
{
	struct str text = STR_INIT;

	if (cgroup->cgroups->version == 2 && put(cgroup->memory, "cgroup.kill", "1") == 0)
		return;
	if (get(&text, cgroup->memory, "cgroup.procs"))
		for (const char *at = text.buf; *at; at += strspn(at, "\n")) {
			long pid = strtol(at, NULL, 10);

			if (pid > 0 && (pid_t)pid != getpid())
				kill((pid_t)pid, SIGKILL);
			at += strcspn(at, "\n");
		}
	str_release(&text);
}

void cgroup_free(struct cgroup *cgroup)
{
	if (!cgroup)
		return;
	cgroup_kill(cgroup);
	/* A group whose last process is still dying stays; the next start removes it. */
	rmdir(cgroup->memory);
	if (cgroup->cgroups->version == 1)
		rmdir(cgroup->pids);
	free(cgroup->memory);
	free(cgroup->pids);
	strv_release(&cgroup->procs);
	free(cgroup);
}

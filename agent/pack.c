#include "agent/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { BLOCK = 128 << 10, LEVEL = 3 };

struct packer {
	struct archive *archive;
	struct strv keep;		/* without slashes at the end */
	bool *matched;			/* per entry of keep */
	struct str name;		/* of the entry under way, relative */
	uint64_t entries, bytes;
	struct error *err;
};

static int archive_failure(struct error *err, struct archive *archive, const char *what)
{
	int code = archive_errno(archive);
	const char *text = archive_error_string(archive);

	if (code == ENOSPC || code == EDQUOT)
		return error_set(err, ERR_NO_SPACE, "%s: %s", what, text ? text : "disk full");
	return error_set(err, ERR_IO, "%s: %s", what, text ? text : "unknown error");
}

/* --- Packing --- */

static bool is_kept(struct packer *packer)
{
	bool kept = packer->keep.n == 0;

	/* No early end: every entry that matches something has to be known. */
	for (size_t i = 0; i < packer->keep.n; i++)
		if (!strcmp(packer->keep.v[i], packer->name.buf) ||
		    fnmatch(packer->keep.v[i], packer->name.buf, FNM_PATHNAME) == 0)
			kept = packer->matched[i] = true;
	return kept;
}

static int write_header(struct packer *packer, const struct stat *st, const char *target)
{
	struct archive_entry *entry = archive_entry_new();
	int rc;

	if (!entry)
		abort();
	archive_entry_set_pathname(entry, packer->name.buf);
	archive_entry_set_filetype(entry, st->st_mode & S_IFMT);
	if (S_ISLNK(st->st_mode)) {
		archive_entry_set_symlink(entry, target);
		archive_entry_set_perm(entry, 0777);
	} else {
		archive_entry_set_perm(entry, S_ISDIR(st->st_mode) || (st->st_mode & 0100) ? 0755 : 0644);
	}
	archive_entry_set_size(entry, S_ISREG(st->st_mode) ? st->st_size : 0);
	archive_entry_set_mtime(entry, 0, 0);
	rc = archive_write_header(packer->archive, entry);
	archive_entry_free(entry);
	if (rc < ARCHIVE_WARN)
		return archive_failure(packer->err, packer->archive, "cannot write the archive");
	return 0;
}

static int pack_file(struct packer *packer, int dir, const char *name)
{
	char *block = mem_alloc(BLOCK);
	struct stat st;
	int rc = 0, fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	off_t left;

	if (fd < 0 || fstat(fd, &st) < 0) {
		rc = error_errno(packer->err, errno, "cannot read %s", packer->name.buf);
		goto out;
	}
	packer->bytes += (uint64_t)st.st_size;
	if (packer->bytes > PACK_BYTES_MAX) {
		rc = error_set(packer->err, ERR_LIMIT, "the kept files are larger than %llu GiB",
			(unsigned long long)(PACK_BYTES_MAX >> 30));
		goto out;
	}
	rc = write_header(packer, &st, NULL);
	for (left = st.st_size; rc == 0 && left > 0;) {
		ssize_t n = read(fd, block, left < BLOCK ? (size_t)left : BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			rc = n < 0 ? error_errno(packer->err, errno, "cannot read %s", packer->name.buf)
				   : error_set(packer->err, ERR_IO, "%s shrinks", packer->name.buf);
		else if (archive_write_data(packer->archive, block, (size_t)n) != n)
			rc = archive_failure(packer->err, packer->archive, "cannot write the archive");
		left -= n;
	}
out:
	file_close(&fd);
	free(block);
	return rc;
}

static int pack_link(struct packer *packer, int dir, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return error_errno(packer->err, errno, "cannot read %s", packer->name.buf);
	target[n] = '\0';
	return write_header(packer, st, target);
}

/* Sorted names of a directory; fd is taken over. */
static int list_directory(struct strv *ret, int fd, const char *name, struct error *err)
{
	struct dirent *entry;
	DIR *dir = fdopendir(fd);

	if (!dir) {
		close(fd);
		return error_errno(err, errno, "cannot read %s", name);
	}
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			strv_push(ret, entry->d_name);
	closedir(dir);
	strv_sort_unique(ret);
	return 0;
}

static int pack_directory(struct packer *packer, int dir, bool kept, unsigned depth);

static int pack_entry(struct packer *packer, int dir, const char *name, bool kept, unsigned depth)
{
	struct stat st;
	int sub, rc;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_errno(packer->err, errno, "cannot look at %s", packer->name.buf);
	if (is_kept(packer))
		kept = true;
	if (++packer->entries > PACK_ENTRIES_MAX || packer->name.len > PACK_NAME_MAX || depth > PACK_DEPTH_MAX)
		return error_set(packer->err, ERR_LIMIT, "too many files or too deep at %s",
			packer->name.buf);
	if (S_ISREG(st.st_mode))
		return kept ? pack_file(packer, dir, name) : 0;
	if (S_ISLNK(st.st_mode))
		return kept ? pack_link(packer, dir, name, &st) : 0;
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (kept) {
		rc = write_header(packer, &st, NULL);
		if (rc < 0)
			return rc;
	}
	sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* A directory that the build closed to everyone, and nobody wants. */
	if (sub < 0 && !kept)
		return 0;
	if (sub < 0)
		return error_errno(packer->err, errno, "cannot read %s", packer->name.buf);
	rc = pack_directory(packer, sub, kept, depth + 1);
	close(sub);
	return rc;
}

static int pack_directory(struct packer *packer, int dir, bool kept, unsigned depth)
{
	struct strv names = STRV_INIT;
	size_t len = packer->name.len;
	int rc, copy = fcntl(dir, F_DUPFD_CLOEXEC, 3);

	if (copy < 0)
		return error_errno(packer->err, errno, "cannot read %s", packer->name.buf);
	rc = list_directory(&names, copy, packer->name.buf, packer->err);
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		if (depth == 0 && !strcmp(names.v[i], ".git"))
			continue;
		if (len)
			str_add_char(&packer->name, '/');
		str_add(&packer->name, names.v[i]);
		rc = pack_entry(packer, dir, names.v[i], kept, depth);
		str_set_len(&packer->name, len);
	}
	strv_release(&names);
	return rc;
}

static int read_keep(struct packer *packer, const char *const *keep)
{
	for (; keep && *keep; keep++) {
		size_t len = strlen(*keep);
		const char *start = *keep;
		char *name;

		while (len && start[len - 1] == '/')
			len--;
		while (len >= 2 && start[0] == '.' && start[1] == '/') {
			start += 2;
			len -= 2;
		}
		name = mem_strndup(start, len);
		if (!path_is_inside(name)) {
			free(name);
			return error_set(packer->err, ERR_INVALID,
				"keep: \"%s\" is no path below the source tree", *keep);
		}
		strv_push(&packer->keep, name);
		free(name);
	}
	packer->matched = mem_array(packer->keep.n + 1, sizeof(*packer->matched));
	return 0;
}

static int finish_archive(struct packer *packer, int fd)
{
	if (archive_write_close(packer->archive) != ARCHIVE_OK)
		return archive_failure(packer->err, packer->archive, "cannot write the archive");
	for (size_t i = 0; i < packer->keep.n; i++)
		if (!packer->matched[i])
			return error_set(packer->err, ERR_NOT_FOUND,
				"keep: \"%s\" matches nothing after the build", packer->keep.v[i]);
	if (fsync(fd) < 0)
		return error_errno(packer->err, errno, "cannot write the archive");
	return 0;
}

int pack_tree(const char *output, const char *tree, const char *const *keep, struct error *err)
{
	struct packer packer = { .err = err, .name = STR_INIT };
	int dir = -1, fd = -1, rc;

	packer.archive = archive_write_new();
	if (!packer.archive)
		abort();
	rc = read_keep(&packer, keep);
	if (rc < 0)
		goto out;
	dir = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (dir < 0 || fd < 0) {
		/* Not the same as a kept file that is not there. */
		rc = error_set(err, ERR_IO, "cannot open %s: %s", dir < 0 ? tree : output,
			strerror(errno));
		goto out;
	}
	if (archive_write_set_format_pax_restricted(packer.archive) != ARCHIVE_OK ||
	    archive_write_set_options(packer.archive, "hdrcharset=BINARY") < ARCHIVE_WARN ||
	    archive_write_add_filter_zstd(packer.archive) != ARCHIVE_OK ||
	    archive_write_open_fd(packer.archive, fd) != ARCHIVE_OK) {
		rc = archive_failure(err, packer.archive, "cannot start the archive");
		goto out;
	}
	rc = pack_directory(&packer, dir, false, 0);
	if (rc == 0)
		rc = finish_archive(&packer, fd);
out:
	archive_write_free(packer.archive);
	file_close(&dir);
	file_close(&fd);
	if (rc < 0)
		unlink(output);
	strv_release(&packer.keep);
	free(packer.matched);
	str_release(&packer.name);
	return rc;
}

/* --- Unpacking --- */

/* What went wrong here, and would elsewhere not: anything else is the archive's own fault. */
static bool is_hosts_fault(struct archive *archive)
{
	static const int codes[] = { ENOSPC, EDQUOT, EIO, EROFS, EMFILE, ENFILE, ENOMEM, ENOENT,
		ESTALE };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (archive_errno(archive) == codes[i])
			return true;
	return false;
}

static int refuse(struct error *err, const char *name, const char *why)
{
	struct str shown = STR_INIT;
	int rc;

	str_add_printable(&shown, name ? name : "", name ? strlen(name) : 0, 200);
	rc = error_set(err, ERR_CORRUPT, "archive entry \"%s\" %s", shown.buf, why);
	str_release(&shown);
	return rc;
}

/* Checks a name of the archive and puts the directory before it. */
static int place_name(struct str *ret, const char *directory, const char *name, struct error *err)
{
	size_t len = name ? strlen(name) : 0;
	char *plain;
	bool inside;

	while (len && name[len - 1] == '/')
		len--;
	plain = mem_strndup(name ? name : "", len);
	inside = path_is_inside(plain);
	if (inside)
		str_setf(ret, "%s/%s", directory, plain);
	free(plain);
	return inside ? 0 : refuse(err, name, "leaves its directory");
}

static int place_entry(struct archive_entry *entry, const char *directory, struct error *err)
{
	struct str path = STR_INIT;
	mode_t type = archive_entry_filetype(entry);
	const char *hardlink = archive_entry_hardlink(entry);
	int rc;

	rc = place_name(&path, directory, archive_entry_pathname(entry), err);
	if (rc < 0)
		goto out;
	if (!hardlink && type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK) {
		rc = refuse(err, archive_entry_pathname(entry), "is no file, directory or link");
		goto out;
	}
	archive_entry_set_pathname(entry, path.buf);
	if (hardlink) {
		rc = place_name(&path, directory, hardlink, err);
		if (rc < 0)
			goto out;
		archive_entry_set_hardlink(entry, path.buf);
	}
	/* Directories stay open for us: to fill and to remove them. */
	archive_entry_set_perm(entry, (archive_entry_perm(entry) & 0777) | (type == AE_IFDIR ? 0700 : 0));
out:
	str_release(&path);
	return rc;
}

static int copy_data(struct archive *in, struct archive *out, uint64_t *bytes, struct error *err)
{
	const void *block;
	size_t len;
	la_int64_t offset;
	int rc;

	while ((rc = archive_read_data_block(in, &block, &len, &offset)) == ARCHIVE_OK) {
		*bytes += len;
		if (*bytes > PACK_BYTES_MAX)
			return error_set(err, ERR_LIMIT, "the archive's files are larger than %llu GiB",
				(unsigned long long)(PACK_BYTES_MAX >> 30));
		if (archive_write_data_block(out, block, len, offset) < ARCHIVE_WARN)
			return archive_failure(err, out, "cannot unpack");
	}
	if (rc != ARCHIVE_EOF && is_hosts_fault(in))
		return archive_failure(err, in, "cannot read the archive");
	if (rc != ARCHIVE_EOF)
		return error_set(err, ERR_CORRUPT, "damaged archive: %s", archive_error_string(in));
	return 0;
}

static int unpack_entries(struct archive *in, struct archive *out, const char *directory,
	struct error *err)
{
	uint64_t bytes = 0;
	struct archive_entry *entry;

	for (unsigned n = 0;; n++) {
		int rc = archive_read_next_header(in, &entry);

		if (rc == ARCHIVE_EOF)
			return 0;
		if (rc < ARCHIVE_WARN)
			return error_set(err, ERR_CORRUPT, "not an archive or damaged: %s",
				archive_error_string(in));
		if (n >= PACK_ENTRIES_MAX)
			return error_set(err, ERR_LIMIT, "the archive has more than %u entries",
				PACK_ENTRIES_MAX);
		rc = place_entry(entry, directory, err);
		if (rc < 0)
			return rc;
		if (archive_write_header(out, entry) < ARCHIVE_WARN) {
			if (is_hosts_fault(out))
				return archive_failure(err, out, "cannot unpack");
			return error_set(err, ERR_CORRUPT, "cannot unpack: %s", archive_error_string(out));
		}
		rc = copy_data(in, out, &bytes, err);
		if (rc < 0)
			return rc;
		if (archive_write_finish_entry(out) < ARCHIVE_WARN)
			return archive_failure(err, out, "cannot unpack");
	}
}

int unpack_tree(const char *archive, const char *directory, struct error *err)
{
	struct archive *in = archive_read_new(), *out = archive_write_disk_new();
	/* Links on the way to it are the host's; those below it are the archive's. */
	char *real = realpath(directory, NULL);
	int rc;

	if (!in || !out)
		abort();
	if (!real) {
		rc = error_errno(err, errno, "cannot open %s", directory);
		goto out;
	}
	archive_read_support_format_tar(in);
	archive_read_support_filter_zstd(in);
	archive_write_disk_set_options(out, ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
		ARCHIVE_EXTRACT_SECURE_NODOTDOT);
	if (archive_read_open_filename(in, archive, BLOCK) != ARCHIVE_OK) {
		rc = is_hosts_fault(in) ? archive_failure(err, in, "cannot read the archive")
					: error_set(err, ERR_CORRUPT, "not an archive: %s",
						  archive_error_string(in));
		goto out;
	}
	rc = unpack_entries(in, out, real, err);
	if (rc == 0 && archive_write_close(out) < ARCHIVE_WARN)
		rc = archive_failure(err, out, "cannot unpack");
out:
	archive_read_free(in);
	archive_write_free(out);
	free(real);
	return rc;
}

/* --- Logs --- */

int compress_file(const char *output, const char *input, struct error *err)
{
	size_t in_size = ZSTD_CStreamInSize(), out_size = ZSTD_CStreamOutSize(), left = 0;
	char *in = mem_alloc(in_size), *out = mem_alloc(out_size);
	ZSTD_CCtx *context = ZSTD_createCCtx();
	int from = open(input, O_RDONLY | O_CLOEXEC);
	int to = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int rc = 0;
	ssize_t n;

	if (!context)
		abort();
	if (from < 0 || to < 0) {
		rc = error_errno(err, errno, "cannot open %s", from < 0 ? input : output);
		goto out;
	}
	ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL);
	do {
		ZSTD_inBuffer source = { in, 0, 0 };

		n = read(from, in, in_size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = error_errno(err, errno, "cannot read %s", input);
			goto out;
		}
		source.size = (size_t)n;
		do {
			ZSTD_outBuffer target = { out, out_size, 0 };

			left = ZSTD_compressStream2(context, &target, &source,
				n ? ZSTD_e_continue : ZSTD_e_end);
			if (ZSTD_isError(left)) {
				rc = error_set(err, ERR_IO, "cannot compress: %s", ZSTD_getErrorName(left));
				goto out;
			}
			rc = file_write_all(to, out, target.pos, err);
			if (rc < 0)
				goto out;
		} while (n ? source.pos < source.size : left);
	} while (n);
out:
	file_close(&from);
	file_close(&to);
	ZSTD_freeCCtx(context);
	free(in);
	free(out);
	return rc;
}

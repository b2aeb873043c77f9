#include "cli/job_input.h"

#include <dirent.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/yaml.h"
#include "job/job_lower.h"

#define DEFAULTS_MAX 64
#define JOB_FILE_MAX (16u << 20)	/* YAML_TEXT_MAX is lower and says what is allowed */

/* Names of *.yaml in a directory that need not be there, sorted. */
static void add_defaults_of(struct strv *ret, const char *dir)
{
	DIR *stream = opendir(dir);
	struct strv names = STRV_INIT;
	const struct dirent *entry;

	while (stream && (entry = readdir(stream)))
		if (*entry->d_name != '.' && str_has_suffix(entry->d_name, ".yaml"))
			strv_pushf(&names, "%s/%s", dir, entry->d_name);
	if (stream)
		closedir(stream);
	strv_sort_unique(&names);
	for (size_t i = 0; i < names.n; i++)
		strv_push(ret, names.v[i]);
	strv_release(&names);
}

static int read_defaults(struct job_input *input, struct error *err)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *dir = config && *config ? mem_printf("%s/bisectd/defaults", config) :
		home && *home	      ? mem_printf("%s/.config/bisectd/defaults", home) :
					NULL;
	int r = 0;

	if (dir)
		add_defaults_of(&input->default_names, dir);
	free(dir);
	add_defaults_of(&input->default_names, "/etc/bisectd/defaults");
	if (input->default_names.n > DEFAULTS_MAX)
		return error_set(err, ERR_LIMIT, "found %zu files of defaults, at most %d are allowed", input->default_names.n,
			DEFAULTS_MAX);
	for (size_t i = 0; i < input->default_names.n && r == 0; i++) {
		str_init(&input->defaults[i]);
		r = file_read(&input->defaults[i], input->default_names.v[i], YAML_TEXT_MAX, err);
	}
	return r;
}

static int sort_arguments(struct job_input *input, const struct strv *arguments, const char **ret_file, struct error *err)
{
	*ret_file = NULL;
	for (size_t i = 0; i < arguments->n; i++) {
		const char *argument = arguments->v[i];

		if (job_is_argument(argument))
			strv_push(*ret_file ? &input->after : &input->before, argument);
		else if (*ret_file)
			return error_set(err, ERR_INVALID, "found '%.80s' beside '%.80s', allowed: one job.yaml, and KEY=VALUE",
				argument, *ret_file);
		else
			*ret_file = argument;
	}
	return *ret_file ? 0 : error_set(err, ERR_INVALID, "found no job.yaml, one is needed; \"-\" is standard input");
}

/* Beside the file. */
static void add_directory_of(struct search_path *path, const char *file)
{
	const char *slash = strrchr(file, '/');

	if (!slash)
		strv_push(&path->dirs, ".");
	else
		strv_pushf(&path->dirs, "%.*s", slash == file ? 1 : (int)(slash - file), file);
}

int job_input_read(struct job_input *ret, const struct job_input_values *values, const struct strv *arguments, struct error *err)
{
	const char *file;
	int r;

	*ret = (struct job_input){ .text = STR_INIT };
	r = sort_arguments(ret, arguments, &file, err);
	if (r == 0)
		r = file_read(&ret->text, file, JOB_FILE_MAX, err);
	if (r < 0)
		return r;
	ret->name = mem_strdup(strcmp(file, "-") ? file : "standard input");
	add_directory_of(&ret->include_path, file);
	for (size_t i = 0; i < values->include_dirs.n; i++)
		strv_push(&ret->include_path.dirs, values->include_dirs.v[i]);
	ret->include_path.limit = YAML_TEXT_MAX;
	for (size_t i = 0; i < values->suite_dirs.n; i++)
		strv_push(&ret->suite_path.dirs, values->suite_dirs.v[i]);
	search_path_add_own(&ret->suite_path, "suites");
	ret->suite_path.limit = SUITE_FILE_MAX;
	ret->include_files = (struct job_files){ search_path_read, &ret->include_path };
	ret->suite_files = (struct job_files){ search_path_read, &ret->suite_path };
	ret->suites = suites_new(&ret->suite_files);
	return values->no_defaults ? 0 : read_defaults(ret, err);
}

void job_input_release(struct job_input *input)
{
	for (size_t i = 0; i < input->default_names.n && i < DEFAULTS_MAX; i++)
		if (input->defaults[i].buf)
			str_release(&input->defaults[i]);
	str_release(&input->text);
	free(input->name);
	strv_release(&input->before);
	strv_release(&input->after);
	strv_release(&input->default_names);
	search_path_release(&input->include_path);
	search_path_release(&input->suite_path);
	suites_free(input->suites);
}

/* `defaults` is what the options point to. */
struct job_load_options job_input_options(struct job_input *input, struct job_text defaults[DEFAULTS_MAX])
{
	struct job_load_options options = { .files = &input->include_files, .before = &input->before, .after = &input->after,
		.defaults = defaults, .n_defaults = input->default_names.n };

	for (size_t i = 0; i < options.n_defaults; i++)
		defaults[i] = (struct job_text){ input->default_names.v[i], input->defaults[i].buf, input->defaults[i].len };
	return options;
}

int job_input_resolve(struct str *ret, struct job_input *input, struct error *err)
{
	struct job_text defaults[DEFAULTS_MAX];
	struct job_load_options options = job_input_options(input, defaults);
	struct job_documents documents;
	bool alone = !input->before.n && !input->after.n && !input->default_names.n &&
		!memmem(input->text.buf, input->text.len, "<<", 2);
	int r;

	if (alone) {
		str_add_bytes(ret, input->text.buf, input->text.len);
	} else {
		r = job_load(&documents, input->name, input->text.buf, input->text.len, &options, err);
		if (r < 0)
			return r;
		job_documents_print(ret, &documents);
		job_documents_release(&documents);
	}
	input->changed = !alone;
	return 0;
}

int job_input_expand(struct job_set *ret, struct job_input *input, struct error *err)
{
	struct job_text defaults[DEFAULTS_MAX];
	struct job_load_options options = job_input_options(input, defaults);
	struct job_set set = { 0 };
	int r = job_set_read(&set, input->name, input->text.buf, input->text.len, &options, input->suites, err);

	for (size_t i = 0; i < set.n && r == 0; i++) {
		struct job *job = NULL;

		r = job_from_document(&job, set.v[i].doc, input->suites, err);
		job_free(job);
	}
	if (r == 0)
		*ret = set;
	else
		job_set_release(&set);
	return r;
}

/*
 * `[KEY=VALUE...] job.yaml [KEY=VALUE...]` of a command line: reads the file, those that it includes, defaults, and suites.
 *
 * Includes are looked for beside job.yaml, then in --include-dir.  Defaults are $XDG_CONFIG_HOME/bisectd/defaults/NAME.yaml
 * (~/.config), then /etc/bisectd/defaults/NAME.yaml, by name; a file wins over those after it.
 */
#ifndef CLI_JOB_INPUT_H
#define CLI_JOB_INPUT_H

#include "base/search_path.h"
#include "base/settings.h"
#include "job/job_expand.h"

struct job_input_values {
	struct strv include_dirs, suite_dirs;
	bool no_defaults;
};

/* Rows of a command's table; AT(member) is the offset in the command's struct, whose member `job_input` holds these. */
#define JOB_INPUT_ROWS(OFFSET) \
	{ "", 0, SETTING_HEADING, 0, NULL, NULL, 0, 0, "The job", false }, \
	{ "include-dir", 'I', SETTING_LIST, OFFSET + offsetof(struct job_input_values, include_dirs), "DIR", NULL, 0, 0, \
		"Look here for files that a job.yaml names after <<. The directory of job.yaml comes first.", false }, \
	{ "suite-dir", 0, SETTING_LIST, OFFSET + offsetof(struct job_input_values, suite_dirs), "DIR", NULL, 0, 0, \
		"Look here for suites before those of the installation.", false }, \
	{ "ignore-defaults", 0, SETTING_FLAG, OFFSET + offsetof(struct job_input_values, no_defaults), NULL, NULL, 0, 0, \
		"Read no files of defaults (bisectd/defaults/*.yaml below ~/.config and /etc).", false }

struct job_input {
	struct str text;		/* of job.yaml */
	char *name;
	struct strv before, after;	/* KEY=VALUE */
	struct str defaults[64];
	struct strv default_names;
	struct search_path include_path, suite_path;
	struct job_files include_files, suite_files;
	struct suites *suites;
	bool changed;			/* job_input_resolve made another text of it */
};

/* Releases nothing on failure that job_input_release would not. */
int job_input_read(struct job_input *ret, const struct job_input_values *values, const struct strv *arguments, struct error *err);
void job_input_release(struct job_input *input);
struct job_load_options job_input_options(struct job_input *input, struct job_text defaults[64]);

/*
 * The text for a server, which reads no files: job.yaml as it is where it stands alone, else the documents that were made of it.
 * input->changed then: places in a message of the server are not places of the file.
 */
int job_input_resolve(struct str *ret, struct job_input *input, struct error *err);

/* The jobs that it makes, checked as a server would. */
int job_input_expand(struct job_set *ret, struct job_input *input, struct error *err);

#endif

/*
 * Templates in a job.yaml.  ERB, which other systems run as a program when a job is submitted, is refused: a job is data.
 * `{{ name }}` stands for the value of another key of the job, and nothing else can stand between the braces.
 */
#ifndef JOB_JOB_TEMPLATE_H
#define JOB_JOB_TEMPLATE_H

#include "job/value.h"

#define JOB_TEMPLATE_DEPTH_MAX 16

/* "<%" anywhere but in a comment, and lines that begin with "%": an error that says what to write instead. */
int job_refuse_templates(const char *where, const char *text, size_t len, struct error *err);

/*
 * Puts the values in, everywhere but in scripts (values of a key `run`, `setup`, `daemon`, `cmd`), `env` and `error`, where the text is that of
 * other languages.  A name is a key of the job or a path of keys (ltp.test) with one text as its value, which may hold names itself.
 */
int job_substitute(struct value *job, struct error *err);

#endif

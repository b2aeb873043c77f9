/* The lists of a document that make several jobs of it: which there are, and one job of their product.  For job_expand. */
#ifndef JOB_JOB_AXES_H
#define JOB_JOB_AXES_H

#include "job/suite.h"
#include "job/value.h"

struct job_axes;

/* Takes the linked keys ("a|b") out of `doc`, and leaves the lists where they are. */
int job_axes_find(struct job_axes **ret, struct value *doc, struct suites *suites, struct error *err);
void job_axes_free(struct job_axes *axes);		/* NULL is fine */
size_t job_axes_product(const struct job_axes *axes);	/* 1 without lists; SIZE_MAX for more than fit */
/* Sets the values of the job `which` (below the product) in `job`, a copy of the document, and adds " key=value ..." to the label. */
void job_axes_apply(const struct job_axes *axes, size_t which, struct value *job, struct str *label);

#endif

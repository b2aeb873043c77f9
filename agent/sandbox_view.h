/*
 * What a sandboxed program sees of this host, as arguments for bisect-box and bubblewrap.  Only for
 * sandbox.c.
 */
#ifndef AGENT_SANDBOX_VIEW_H
#define AGENT_SANDBOX_VIEW_H

#include "agent/sandbox.h"

enum sandbox_mode {
	SANDBOX_USER_LOCKED,	/* user namespace, and no further ones inside */
	SANDBOX_USER,		/* user namespace */
	SANDBOX_PLAIN,		/* root without user namespace */
	SANDBOX_NMODES
};

#define SANDBOX_TMP_MAX ((uint64_t)1 << 40)

/* Appends "--overlay SCRATCH --top usr ..." for bisect-box; nothing without a scratch directory. */
void sandbox_view_box(struct strv *args, const struct sandbox_options *options,
	const struct strv *hide);

/* Appends everything up to "--" for bubblewrap. */
void sandbox_view_bwrap(struct strv *args, enum sandbox_mode mode,
	const struct sandbox_options *options, const struct strv *hide);

#endif

/*
 * lkp's stats.json among the files of a test: result/stats.json, where lkp-tests is told to write, else stats.json.  The files are
 * the test's, which is not trusted: no link is followed, and nothing but a regular file is read.
 */
#ifndef TESTERS_KEPT_STATS_H
#define TESTERS_KEPT_STATS_H

#include "base/error.h"
#include "base/str.h"

/* Before the test: what the build left there says nothing of a run. */
void kept_stats_remove(const char *files);
/*
 * Adds the file's text to *ret, at most LKP_STATS_TEXT_MAX bytes of it and one that tells that there was more.  ERR_NOT_FOUND:
 * there is none.
 */
int kept_stats_read(struct str *ret, const char *files, struct error *err);

#endif

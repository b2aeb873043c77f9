/* Texts as YAML scalars, so that every reader of YAML gives the same text back.  The texts are UTF-8 without NUL bytes. */
#ifndef JOB_YAML_TEXT_H
#define JOB_YAML_TEXT_H

#include "base/str.h"

void yaml_text_scalar(struct str *ret, const char *text);	/* plain where no reader takes it for anything but text */
void yaml_text_quoted(struct str *ret, const char *text);
/*
 * After "key: ", with the newline at its end: text of several lines as a literal block, indented by so many blanks, where a
 * block can hold it exactly, else quoted.
 */
void yaml_text_block(struct str *ret, const char *text, unsigned indent);

#endif

#ifndef NUMBER_H
#define NUMBER_H

/* Reads digits and at most one unit; -1 for anything else. */
long number_read(const char *text);

#endif

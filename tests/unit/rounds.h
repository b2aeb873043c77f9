/*
 * Sanitizers see in a quarter of the rounds what there is to see of memory, and are five times slower: all rounds are played without
 * them (make check; in check.sh as part of distcheck).
 */
#ifndef TESTS_UNIT_ROUNDS_H
#define TESTS_UNIT_ROUNDS_H

#ifdef __SANITIZE_ADDRESS__
#define ROUNDS(all) ((all) / 4)
#else
#define ROUNDS(all) (all)
#endif

#endif

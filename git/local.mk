noinst_LIBRARIES += libgit.a
libgit_a_SOURCES = \
	git/command.c git/command.h \
	git/error_prior.c git/error_prior.h \
	git/history.c git/history.h \
	git/index.c git/index.h \
	git/mirror.c git/mirror.h \
	git/repository.c git/repository.h \
	git/revert.c \
	git/touched.c git/touched.h \
	git/walk.c git/walk.h \
	git/worktree.c git/worktree.h

noinst_LIBRARIES += libweb.a
libweb_a_SOURCES = \
	web/assets.h \
	web/chart.c web/chart.h \
	web/html.c web/html.h \
	web/log_window.c web/log_window.h \
	web/page_bisection.c \
	web/page_log.c \
	web/page_boxes.c \
	web/pages.c web/pages.h
nodist_libweb_a_SOURCES = web/assets.c
WEB_ASSETS = web/assets/style.css web/assets/live.js web/assets/icon.svg
EXTRA_DIST += $(WEB_ASSETS) web/assets.sh
CLEANFILES += web/assets.c

# The assets as C strings.
web/assets.c: $(WEB_ASSETS) web/assets.sh
	$(AM_V_GEN)$(MKDIR_P) web && sh $(srcdir)/web/assets.sh $(srcdir)/web/assets >$@.tmp && mv -f $@.tmp $@

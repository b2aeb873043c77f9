# Man pages come from the same tables as --help: each program prints its own.
man_MANS += docs/bisectctl.1 docs/bisectd.8 docs/bisect-builder.8 docs/bisect-tester.8
CLEANFILES += docs/bisectctl.1 docs/bisectd.8 docs/bisect-builder.8 docs/bisect-tester.8

docs/bisectctl.1: programs/bisectctl$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) docs && ./programs/bisectctl$(EXEEXT) --man >$@.tmp && mv -f $@.tmp $@
docs/bisectd.8: programs/bisectd$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) docs && ./programs/bisectd$(EXEEXT) --man >$@.tmp && mv -f $@.tmp $@
docs/bisect-builder.8: programs/bisect-builder$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) docs && ./programs/bisect-builder$(EXEEXT) --man >$@.tmp && mv -f $@.tmp $@
docs/bisect-tester.8: programs/bisect-tester$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) docs && ./programs/bisect-tester$(EXEEXT) --man >$@.tmp && mv -f $@.tmp $@

#!/bin/sh
# Writes a C file that holds the assets of directory $1 (text files) as strings.
set -eu
echo '/* Made from web/assets/ by web/assets.sh. */'
echo '#include <string.h>'
echo '#include "web/assets.h"'
for name in style.css live.js icon.svg; do
	printf '\nstatic const char %s[] =\n' "$(echo "$name" | tr . _)"
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' -e 's/^/	"/' -e 's/$/\\n"/' "$1/$name"
	echo '	;'
done
cat <<'END'

static const struct web_asset assets[] = {
	{ "style.css", "text/css; charset=utf-8", style_css, sizeof(style_css) - 1 },
	{ "live.js", "text/javascript; charset=utf-8", live_js, sizeof(live_js) - 1 },
	{ "icon.svg", "image/svg+xml", icon_svg, sizeof(icon_svg) - 1 },
};

const struct web_asset *web_asset_find(const char *name)
{
	for (size_t i = 0; i < sizeof(assets) / sizeof(*assets); i++)
		if (!strcmp(assets[i].name, name))
			return &assets[i];
	return NULL;
}
END

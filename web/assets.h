/* The files of web/assets/ inside the program; the definitions are made by web/assets.sh. */
#ifndef WEB_ASSETS_H
#define WEB_ASSETS_H

#include <stddef.h>

struct web_asset { const char *name, *content_type; const char *bytes; size_t len; };

/* "style.css", "live.js", "icon.svg"; NULL if there is no such asset. */
const struct web_asset *web_asset_find(const char *name);

#endif

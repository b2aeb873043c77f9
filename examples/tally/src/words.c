#include "words.h"

#include <stddef.h>
#include <string.h>

static const char *const common[] = {
	"the",
@words@
};

bool word_is_common(const char *word)
{
	for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++)
		if (!strcmp(common[i], word))
			return true;
	return false;
}

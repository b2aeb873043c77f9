/* Any bytes: base/yaml.h answers with a tree within its limits or with one line that says where. */
#include <stdint.h>

#include "base/str.h"
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void require(int ok)
{
	if (!ok)
		abort();
}

static size_t walk(const struct yaml_node *node, size_t depth)
{
	size_t nodes = 1, i, j;

	require(node->line > 0 && node->column > 0);
	if (node->type == YAML_SCALAR) {
		require(node->text != NULL);
		return nodes;
	}
	require(depth < YAML_DEPTH_MAX);
	for (i = 0; i < node->n; i++) {
		if (node->type == YAML_MAPPING) {
			require(node->keys[i]->type == YAML_SCALAR);
			for (j = 0; i < 50 && j < i; j++)
				require(strcmp(node->keys[i]->text, node->keys[j]->text) != 0 ||
				        strcmp(node->keys[i]->text, "<<") == 0);
			nodes += walk(node->keys[i], depth + 1);
		}
		nodes += walk(node->values[i], depth + 1);
	}
	return nodes;
}

/* What is one document is one in a stream, too. */
static void read_stream(const uint8_t *bytes, size_t len, int is_one)
{
	struct error err = ERROR_INIT;
	struct yaml *doc = NULL;
	size_t nodes = 0;
	int ret = yaml_read_stream(&doc, "fuzz", (const char *)bytes, len, &err);

	require(!is_one || ret == 0);
	if (ret < 0) {
		require(!doc && ret == -(int)err.code && str_has_prefix(err.text, "fuzz:"));
		return;
	}
	require(yaml_count(doc) <= YAML_DOCUMENTS_MAX && (!is_one || yaml_count(doc) <= 1));
	for (size_t i = 0; i < yaml_count(doc); i++)
		if (yaml_document(doc, i))
			nodes += walk(yaml_document(doc, i), 0);
	require(nodes <= YAML_NODES_MAX);
	yaml_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct error err = ERROR_INIT;
	struct yaml *doc = NULL;
	int ret = yaml_read(&doc, "fuzz", (const char *)bytes, len, &err);

	if (ret < 0) {
		require(!doc && ret == -(int)err.code && str_has_prefix(err.text, "fuzz:"));
		read_stream(bytes, len, 0);
		return 0;
	}
	if (yaml_root(doc))
		require(walk(yaml_root(doc), 0) <= YAML_NODES_MAX);
	read_stream(bytes, len, 1);
	yaml_free(doc);
	return 0;
}

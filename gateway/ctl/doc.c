/* doc.c — see doc.h. */
#include "doc.h"

#include <stdio.h>

const char *
gw_doc_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

int64_t
gw_doc_number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

void
gw_doc_print(const json_t *v)
{
	(void)json_dumpf(v, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
}

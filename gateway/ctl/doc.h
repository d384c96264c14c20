/* gateway/ctl/doc.h — members of the operator API's documents. Linked into
 * gwctl only. Pure. */
#ifndef GW_CTL_DOC_H
#define GW_CTL_DOC_H

#include <jansson.h>
#include <stdint.h>

/* "" when there is none, or none that is a string. Borrowed. */
const char *gw_doc_text(const json_t *o, const char *key);
/* 0 when there is none, or none that is a whole number. */
int64_t gw_doc_number(const json_t *o, const char *key);

/* To stdout, for programs: ASCII, one member a line. */
void gw_doc_print(const json_t *v);

#endif

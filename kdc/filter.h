/* filter.h — LDAP search filters as text (RFC 4515), built so that no value
 * can become syntax. Linked into gwd-kdc only. Pure. */
#ifndef KDC_FILTER_H
#define KDC_FILTER_H

#include "gw/compiler.h"

#define GW_FILTER_MAX 65536

/* Grows on the heap up to GW_FILTER_MAX; then it is bad and stays so. */
struct gw_filter {
	char *text;
	size_t len, cap;
	bool bad;
};

void gw_filter_clear(struct gw_filter *f);
/* Syntax, from the program's own text only: "(&(objectClass=user)". */
void gw_filter_raw(struct gw_filter *f, const char *syntax);
/* "(attr=value)"; in the value every byte but letters, digits and a few
 * harmless ones is escaped. */
void gw_filter_equal(struct gw_filter *f, const char *attr, const void *value,
		     size_t len);
void gw_filter_equal_str(struct gw_filter *f, const char *attr,
			 const char *value);
/* The text, or NULL when it did not fit. Borrowed. */
const char *gw_filter_text(const struct gw_filter *f);

#endif
